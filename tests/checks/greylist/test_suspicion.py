"""Law tested: an honest server shows nothing, a bot much; a fault of DNS says nothing about anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.greylist.settings import PROVIDERS
from policyd.checks.greylist.suspicion import suspect
from policyd.model.address import parse_address
from policyd.model.evidence import NO_EVIDENCE, NO_LISTS, DnsListEvidence, Evidence, SpfEvidence
from policyd.model.request import PolicyRequest
from tests.examples import thorough


def registered(name: str) -> str:
    return ".".join(name.rstrip(".").split(".")[-2:])


def request(
    name: str = "mx1.host.example",
    helo: str = "mx1.host.example",
    reverse: str | None = None,
    sender: str = "a@x.example",
) -> PolicyRequest:
    return PolicyRequest(
        client_name=name,
        reverse_client_name=reverse or name,
        helo_name=helo,
        sender=sender,
        client_address=parse_address("198.51.100.7"),
    )


def heard(spf: SpfEvidence | None = None, lists: DnsListEvidence = NO_LISTS) -> Evidence:
    return Evidence(lists, spf)


LISTED = DnsListEvidence(3.0, ("zen.lab.example",), is_suspect=True)


@pytest.mark.parametrize(
    ("asked", "evidence", "shown"),
    [
        (request(), NO_EVIDENCE, "0"),
        (request("unknown"), NO_EVIDENCE, "2: no reverse name"),
        (request("unknown", reverse="mx.host.example"), NO_EVIDENCE, "1: unconfirmed reverse name"),
        (
            request("dsl-198-51-100-7.isp.example", "dsl-198-51-100-7.isp.example"),
            NO_EVIDENCE,
            "2: generic reverse name",
        ),
        (request(helo="localhost"), NO_EVIDENCE, "1: HELO is no host name"),
        (request(helo="[198.51.100.7]"), NO_EVIDENCE, "1: HELO is no host name"),
        (request(helo="198.51.100.7"), NO_EVIDENCE, "1: HELO is no host name"),
        (request(helo=""), NO_EVIDENCE, "1: HELO is no host name"),
        (request(helo="mail.elsewhere.example"), NO_EVIDENCE, "1: HELO of another domain"),
        (request(helo="Mail.X.example."), NO_EVIDENCE, "0"),
        (request(), heard(SpfEvidence("softfail", "x.example")), "2: SPF softfail"),
        (request(), heard(SpfEvidence("none", "x.example")), "1: SPF none"),
        (request("unknown"), heard(SpfEvidence("none", "x.example")), "3: no reverse name, SPF none"),
        (request(), heard(SpfEvidence("pass", "x.example", "all", is_wide=True)), "2: SPF lets everybody pass"),
        (request(), heard(SpfEvidence("neutral", "x.example", is_suspect=True)), "2: SPF neutral"),
        (
            request(),
            heard(SpfEvidence("temperror", "x.example", is_temporary=True, is_suspect=True)),
            "2: SPF temperror",
        ),
        (request(), heard(SpfEvidence("pass", "x.example", is_suspect=True)), "2: SPF pass"),
        (request(), heard(SpfEvidence("pass", "gmail.com", is_suspect=True)), "2: SPF pass"),
        (request(), heard(SpfEvidence("temperror", "x.example", is_temporary=True)), "0"),
        (request(), heard(lists=LISTED), "2: listed by zen.lab.example"),
        (request(), heard(lists=DnsListEvidence(unknown=("zen.lab.example",))), "0"),
        (request(), heard(lists=DnsListEvidence(0.5, ("zen.lab.example",))), "2: listed by zen.lab.example"),
        (request(), heard(lists=DnsListEvidence(is_suspect=True)), "2: DNS lists"),
        (request("mx.host.example", reverse="unknown"), NO_EVIDENCE, "0"),
        (request(), heard(SpfEvidence("permerror", "x.example", is_temporary=True)), "0"),
        (request(), heard(SpfEvidence("fail", "x.example", is_wide=True)), "2: SPF fail"),
        (request(), heard(SpfEvidence("temperror", "x.example", is_wide=True)), "0"),
        # Trust
        (request("unknown"), heard(lists=DnsListEvidence(-2.0, is_trusted=True)), "trusted: an allow list"),
        (request("unknown"), heard(SpfEvidence("pass", "gmail.com")), "trusted: SPF of a provider"),
        (request("unknown"), heard(SpfEvidence("softfail", "gmail.com")), "4: no reverse name, SPF softfail"),
        (request(), heard(SpfEvidence("pass", "x.example")), "trusted: SPF and a name of its own"),
        (request(), heard(SpfEvidence("pass", "x.example"), LISTED), "2: listed by zen.lab.example"),
        (request(), heard(SpfEvidence("pass", "x.example"), DnsListEvidence(0.5)), "2: DNS lists"),
        (request(), heard(SpfEvidence("pass", "x.example"), DnsListEvidence(is_suspect=True)), "2: DNS lists"),
        (request("unknown"), heard(SpfEvidence("pass", "x.example")), "2: no reverse name"),
    ],
)
def test_what_is_shown_in_the_log(asked: PolicyRequest, evidence: Evidence, shown: str) -> None:
    assert str(suspect(asked, evidence, PROVIDERS, registered)) == shown


def test_what_outweighs_everything_leaves_no_score() -> None:
    assert suspect(request(), heard(SpfEvidence("pass", "x.example")), PROVIDERS, registered).score == 0


def test_a_client_without_an_address_has_no_name_of_its_own() -> None:
    assert str(suspect(request()._replace(client_address=None), NO_EVIDENCE, PROVIDERS, registered)) == (
        "2: generic reverse name"
    )


words = st.text(max_size=80)


@given(words, words, words, words)
@thorough
def test_no_byte_of_a_client_is_in_the_reasons(name: str, helo: str, reverse: str, sender: str) -> None:
    suspicion = suspect(request(name, helo, reverse, sender), NO_EVIDENCE, PROVIDERS, registered)
    phrases = {
        "no reverse name", "unconfirmed reverse name", "generic reverse name", "HELO is no host name",
        "HELO of another domain",
    }  # fmt: skip
    assert set(suspicion.reasons) <= phrases
    assert suspicion.score <= 3
