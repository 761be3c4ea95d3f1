import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.lookups.spf.subject import domain_name, make_subject
from policyd.model.spf import SpfQuestion
from tests.lookups.spf.world import address

CLIENT = address("192.0.2.1")


@pytest.mark.parametrize(
    ("sender", "local", "domain"),
    [
        ("user@a.example", "user", "a.example"),
        ("", "postmaster", "helo.example"),
        ("@a.example", "postmaster", "a.example"),
        ("u@evil.example@victim.example", "u@evil.example", "victim.example"),
        ("user@A.Example.", "user", "a.example"),
        ("user@b\xfccher.example", "user", "xn--bcher-kva.example"),
        ("localonly", "postmaster", ""),
        ("user@", "user", ""),
    ],
)
def test_a_sender_is_split_at_its_last_at_sign(sender: str, local: str, domain: str) -> None:
    subject = make_subject(SpfQuestion(CLIENT, "helo.example", sender))
    assert (subject.local, subject.domain) == (local, domain)


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "localhost", "example", "example.", "[192.0.2.1]", "192.0.2.1", "a..example", ".a.example",
        "a.example..", "a" * 64 + ".example", ".".join(["a" * 63] * 4), "a b.example", "a\0.example", "a\n.example",
        "\udcff.example", "\xfc" * 63 + ".example", "a.123", "x" * 100_000, "\xfc." * 50_000,
    ],
)  # fmt: skip
def test_what_the_dns_cannot_know_has_no_domain(text: str) -> None:
    assert domain_name(text) == ""


@pytest.mark.parametrize(
    "text", ["_spf.a.example", "a-b.example", "xn--bcher-kva.example", "a.b.c.d.example", "1.example"]
)
def test_names_are_kept(text: str) -> None:
    assert domain_name(text) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("fa\xdf.example", "xn--fa-hia.example"),  # and not fass.example, which is somebody else's
        ("B\xdcCHER.Fa\xdf.example.", "xn--bcher-kva.xn--fa-hia.example"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", "xn--nxasmm1c.example"),
        ("\u0392\u038c\u039b\u039f\u03a3.example", "xn--nxasmq6b.example"),
        ("\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"),
        ("\xdf" * 60 + ".example", ""),
    ],
)
def test_names_of_other_scripts_are_those_of_idna_2008(text: str, name: str) -> None:  # RFC 5891
    assert domain_name(text) == name


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    name = domain_name(text)
    assert name.isascii()
    assert len(name) <= 253
    assert domain_name(name) == name
