"""Law tested: whom the lists name is let through with no opinion of other checks, or only of those that are named."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from policyd.checks import REGISTRY
from policyd.checks.tools import Tools
from policyd.checks.whitelist import EXEMPTIBLE, ExemptingList, Settings, build
from policyd.model.action import DUNNO
from policyd.model.address import parse_address
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.greylist import Identities, Observation, Rules, Triplet
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Verdict
from policyd.tables.lists import ListKind, Source, TableList, compile_table, parse_source

CONF = Path(__file__).parents[2] / "conf"
NOW = 1_700_000_000


class NoStore:
    """Whitelisted or not, this check remembers nothing."""

    def observe(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        raise AssertionError("the whitelist must not ask the store")


def _request(
    recipient: str = "jane@example.test", address: str = "203.0.113.9", name: str = "unknown", **other: str
) -> PolicyRequest:
    sender = other.get("sender", "joe@example.org")
    return PolicyRequest(
        protocol_state="RCPT",
        client_address=parse_address(address),
        client_name=name,
        reverse_client_name=other.get("reverse", "unknown"),
        helo_name=other.get("helo", "helo.example"),
        sender=sender,
        recipient=recipient,
        instance="1",
        attributes={"sender": sender},
    )


def _build(files: Mapping[str, str], settings: Settings) -> Check:
    def compiled(kind: ListKind, sources: Sequence[str]) -> TableList:
        return TableList(kind, [compile_table(kind, parse_source(path), files[path]) for path in sources])

    return build(settings, Tools(NoStore(), "mx", "0", compiled))


FILES = {
    "/clients": "example.com\n192.0.2\n/^mx[0-9]/\n",
    "/senders": "news@example.org\n",
    "/recipients": "postmaster@\n",
}
SETTINGS = Settings(clients=("/clients",), senders=("/senders",), recipients=("/recipients",))
CLIENT = DUNNO, "client whitelist", True
SENDER = DUNNO, "sender whitelist", True
RECIPIENT = DUNNO, "recipient whitelist", True
NOBODY = NO_OPINION[:3]


def _judge(check: Check, request: PolicyRequest) -> Verdict:
    verdict = check.evaluate(request, NO_EVIDENCE, NOW)
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize(
    ("request_", "expected", "match"),
    [
        (_request(name="mail.example.com"), CLIENT, "/clients:1: example.com"),
        (_request(name="MX7.example.org"), CLIENT, "/clients:3: /^mx[0-9]/"),
        (_request(address="192.0.2.200"), CLIENT, "/clients:2: 192.0.2.0/24"),
        (_request(sender="news@example.org"), SENDER, "/senders:1: news@example.org"),
        (_request("postmaster@example.test"), RECIPIENT, "/recipients:1: postmaster@"),
        (_request("postmaster@example.test", name="mail.example.com"), CLIENT, "/clients:1: example.com"),
        (_request(), NOBODY, ""),
        (_request(""), NOBODY, ""),
        (_request(address="unknown"), NOBODY, ""),
        # what a client says of itself is worth nothing (postgrey: client_name only)
        (_request(reverse="mail.example.com", helo="mail.example.com"), NOBODY, ""),
    ],
)
def test_verdicts(request_: PolicyRequest, expected: tuple[object, ...], match: str) -> None:
    check = _build(FILES, SETTINGS)
    assert check.name == "whitelist"
    verdict = _judge(check, request_)
    assert verdict[:3] == expected
    assert verdict.match == match
    assert not verdict.exempt


def test_an_entry_with_another_action_whitelists_nobody() -> None:
    files = {"/clients": "bad.example.com REJECT\nexample.com OK\nother.example.com DUNNO\n"}
    check = _build(files, Settings(clients=("/clients",), recipients=()))
    assert check.evaluate(_request(name="bad.example.com"), NO_EVIDENCE, NOW) is NO_OPINION
    assert _judge(check, _request(name="mx.example.com"))[:3] == CLIENT
    assert _judge(check, _request(name="other.example.com"))[:3] == CLIENT


def test_an_entry_counts_in_its_window_only() -> None:
    check = _build({"/clients": "[until=2023-11-14T00:00] example.com\n"}, Settings(("/clients",), recipients=()))
    request = _request(name="mx.example.com")
    assert check.evaluate(request, NO_EVIDENCE, NOW - 7 * 86400) is not NO_OPINION
    assert check.evaluate(request, NO_EVIDENCE, NOW) is NO_OPINION


EXEMPT = Settings(
    clients=("/clients",),
    recipients=(),
    lists=(
        ExemptingList(recipients=("/roles",), exempt=("greylist", "rbl")),
        ExemptingList(helo=("/helo",), senders=("/friends",), exempt=("spf",)),
    ),
)
ROLES = {"/clients": "example.com\n", "/roles": "postmaster@\n", "/helo": "mx.friend.example\n", "/friends": "<>\n"}


@pytest.mark.parametrize(
    ("request_", "reason", "exempt", "match"),
    [
        (_request("postmaster@a.test"), "recipient whitelist", {"greylist", "rbl"}, "/roles:1: postmaster@"),
        (_request(helo="mx.friend.example"), "helo whitelist", {"spf"}, "/helo:1: mx.friend.example"),
        (_request(sender=""), "sender whitelist", {"spf"}, "/friends:1: <>"),
        (
            _request("postmaster@a.test", sender=""),
            "recipient whitelist",
            {"greylist", "rbl", "spf"},
            "/roles:1: postmaster@",
        ),
    ],
)
def test_a_list_may_exempt_from_some_checks_only(
    request_: PolicyRequest, reason: str, exempt: set[str], match: str
) -> None:
    verdict = _judge(_build(ROLES, EXEMPT), request_)
    assert verdict == Verdict(DUNNO, reason, final=False, exempt=frozenset(exempt), match=match)  # type: ignore[arg-type]


def test_an_entry_with_another_action_exempts_nobody() -> None:
    files = ROLES | {"/roles": "bad@example.test REJECT no\ngood@example.test\n"}
    check = _build(files, EXEMPT)
    assert check.evaluate(_request("bad@example.test"), NO_EVIDENCE, NOW) is NO_OPINION
    assert _judge(check, _request("good@example.test")).exempt == {"greylist", "rbl"}


def test_who_is_welcome_anyway_needs_no_exemption() -> None:
    verdict = _judge(_build(ROLES, EXEMPT), _request("postmaster@a.test", name="example.com"))
    assert verdict[:3] == CLIENT


def test_mail_on_no_list_has_no_verdict_of_its_own() -> None:
    assert _build(ROLES, EXEMPT).evaluate(_request(), NO_EVIDENCE, NOW) is NO_OPINION


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "exempt: is missing; name the checks that are not asked (of blacklist, rbl, spf, greylist)"),
        ({"exempt": ("greylisting",)}, "exempt: no check is named 'greylisting' that comes behind the whitelist"),
        ({"exempt": ("greylist", "whitelist")}, "exempt: no check is named 'whitelist'"),
    ],
)
def test_a_list_that_exempts_from_nothing_is_a_mistake(options: dict[str, tuple[str, ...]], sentence: str) -> None:
    with pytest.raises(ValueError, match="exempt: ") as caught:
        ExemptingList(recipients=("/roles",), **options)
    assert str(caught.value).startswith(sentence)


def test_a_list_of_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="names no list; write clients"):
        ExemptingList(exempt=("greylist",))
    ExemptingList()  # as the shipped configuration has it, for people to fill in


@pytest.mark.parametrize("option", ["clients", "helo", "senders", "recipients"])
def test_a_list_may_be_of_any_kind(option: str) -> None:
    ExemptingList(exempt=("greylist",), **{option: ("/somebody",)})


def test_every_check_but_the_whitelist_can_be_exempted_from() -> None:
    assert set(REGISTRY) - {"whitelist"} <= set(EXEMPTIBLE)


def test_no_files_no_opinion() -> None:
    check = _build({}, Settings(clients=(), recipients=()))
    assert check.evaluate(_request("postmaster@example.test", name="mail.example.com"), NO_EVIDENCE, NOW) is NO_OPINION


def test_the_defaults_are_the_documented_files() -> None:
    assert Settings() == Settings(
        clients=("/etc/policyd/whitelist_clients",),
        senders=(),
        recipients=("/etc/policyd/whitelist_recipients",),
        lists=(),
    )


def _shipped() -> Check:
    names = ("whitelist_clients", "whitelist_recipients")
    files = {f"/etc/policyd/{name}": (CONF / name).read_text("utf-8") for name in names}
    return _build(files, Settings())


@pytest.mark.parametrize(
    ("kind", "name"),
    [("client", "whitelist_clients"), ("recipient", "whitelist_recipients"), ("sender", "blacklist_senders")],
)
def test_the_shipped_lists_have_no_mistakes(kind: ListKind, name: str) -> None:
    assert compile_table(kind, Source("policyd", name), (CONF / name).read_text("utf-8")).mistakes == ()


@pytest.mark.parametrize(
    "name",
    [
        "mail-wr1-f41.google.com",
        "mail-eopbgr150078.outbound.protection.outlook.com",
        "sonic310-20.consmr.mail.gq1.yahoo.com",
        "a9-92.smtp-out.amazonses.com",
        "pv50p00im-tydg10011801.me.com",
        "mout.gmx.net",
    ],
)
def test_the_shipped_clients_are_the_big_pools(name: str) -> None:
    assert _judge(_shipped(), _request(name=name))[:3] == CLIENT


@pytest.mark.parametrize("name", ["unknown", "3.2.1.34.bc.googleusercontent.com", "ec2-1-2-3-4.compute.amazonaws.com"])
def test_the_shipped_clients_are_not_whoever_rents_a_machine_there(name: str) -> None:
    assert _shipped().evaluate(_request(name=name), NO_EVIDENCE, NOW) is NO_OPINION


@pytest.mark.parametrize("recipient", ["postmaster@example.test", "Abuse@example.test", "postmaster"])
def test_the_shipped_recipients_are_those_who_must_be_reachable(recipient: str) -> None:
    assert _judge(_shipped(), _request(recipient))[:3] == RECIPIENT
