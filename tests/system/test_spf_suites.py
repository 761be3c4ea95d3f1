"""The SPF suites end to end: a policy request goes in over a socket, result and explanation are read out of the reply.

The zones are served by a real DNS server on loopback. The comparison is strict: one of the results that the suite
allows, and its explanation word for word (``DEFAULT``: none of the domain's owner).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.lookups.spf.corpus import SUITES, Case, needs_corpus, scenarios
from tests.system.daemon import Policyd
from tests.system.parts import laboratory
from tests.system.policy import PolicyClient
from tests.system.zone_server import Fault, ZoneServer

TAG: Final = dict.fromkeys(["softfail", "neutral", "none", "pass", "temperror", "permerror"], "tag")
SETTINGS: Final = {
    "store": {"url": "memory:"},
    "chain": {"checks": ["spf"], "trusted_networks": []},
    "dns": {"timeout": "1s", "tries": 1},
    # All that would spare somebody is off: the suites' clients have private addresses, too.
    "spf": {"skip_networks": [], "leave_to_dmarc": False},
    "spf.mail_from": TAG | {"fail": "reject"},
    "spf.helo": dict.fromkeys([*TAG, "fail"], "none"),
}
TAGGED: Final = re.compile(r"PREPEND Received-SPF: ([a-z]+) \(.*")
REFUSED: Final = re.compile(
    r"550 5\.7\.23 SPF fail, \S+ is not allowed to send mail from \S+?(?:; \S+ explains: (.*))?"
)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Policyd]:
    """The real program."""
    with laboratory() as home, Policyd(home, SETTINGS) as policyd:
        yield policyd


def read(reply: str) -> tuple[str, str]:
    """The result and the explanation in a reply."""
    if match := TAGGED.fullmatch(reply):
        return match[1], "DEFAULT"
    match = REFUSED.fullmatch(re.sub(r" \(id [0-9A-F]{8}\)$", "", reply))
    assert match, reply
    return "fail", match[1] or "DEFAULT"


def verdict(client: PolicyClient, case: Case) -> str:
    """ "" if the answer is the suite's, else what is wrong."""
    reply = client.ask(client_address=case.host, helo_name=case.helo, sender=case.mailfrom, instance=case.id)
    result, explanation = read(reply)
    if result not in case.results:
        return f"{result} is not {' or '.join(case.results)}"
    if case.explanation is not None and result == "fail" and explanation != case.explanation:
        return f"explanation {explanation!r} is not {case.explanation!r}"
    return ""


@pytest.mark.parametrize("fault", ["servfail", "silence"])
@pytest.mark.parametrize("suite", SUITES)
def test_every_case_of_a_suite_end_to_end(daemon: Policyd, suite: str, fault: Fault) -> None:
    needs_corpus()
    verdicts: dict[str, str] = {}
    for scenario in scenarios(suite):
        # A new server, so a new resolver that knows nothing: all scenarios use the same names.
        with ZoneServer(scenario.zone, fault) as server:
            daemon.configure({"dns": {"nameservers": [server.address]}})
            daemon.hup()
            with PolicyClient(daemon.unix, timeout=20) as client:
                verdicts |= {f"{scenario.name}/{case.id}": verdict(client, case) for case in scenario.cases}
    assert not {case: problem for case, problem in verdicts.items() if problem}
    assert len(verdicts) == SUITES[suite]
    daemon.settle()
    assert not daemon.lines("a bug")


def test_the_comparison_can_fail(daemon: Policyd) -> None:
    needs_corpus()
    scenario = scenarios("rfc7208-tests")[0]
    with ZoneServer(scenario.zone) as server:
        daemon.configure({"dns": {"nameservers": [server.address]}})
        daemon.hup()
        with PolicyClient(daemon.unix) as client:
            case = next(case for case in scenario.cases if case.explanation)
            assert verdict(client, case) == ""
            assert "is not pass" in verdict(client, case._replace(results=("pass",)))
            assert "explanation" in verdict(client, case._replace(explanation="something else"))


def test_no_file_of_the_suites_is_ours() -> None:
    assert not list((Path(__file__).parents[2] / "tests").rglob("*.yml"))
