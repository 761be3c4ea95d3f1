import asyncio

import pytest

from policyd.lookups.spf.lint import MAX_RECORDS, Lint, lint_record
from policyd.model.dns import Mx
from policyd.model.spf import SpfLimits
from tests.lookups.doubles import DictResolver
from tests.lookups.spf.world import World, records

HOSTS: World = {
    ("mx.example", "A"): ("192.0.2.1",),
    ("six.example", "AAAA"): ("2001:db8::1",),
    ("m.example", "MX"): (Mx(1, "mx.example"),),
    ("null.example", "MX"): (Mx(0, ""),),
    ("many.example", "MX"): tuple(Mx(1, f"h{number}.example") for number in range(11)),
    ("broken.example", "TXT"): "servfail",
}


def lint(domain: str = "a.example", **texts: str) -> Lint:
    return asyncio.run(lint_record(DictResolver({**HOSTS, **records(**texts)}), domain, SpfLimits()))


def said(kind: str, **texts: str) -> list[str]:
    return [finding.text for finding in lint(**texts).findings if finding.kind == kind]


def test_a_good_record_has_nothing_to_mend() -> None:
    found = lint(
        a="v=spf1 mx:m.example a:mx.example a:six.example include:b.example -all", b="v=spf1 ip4:192.0.2.0/24 ~all"
    )
    assert (found.findings, found.terms, found.voids) == ([], 4, 0)
    assert [(depth, domain) for depth, domain, _ in found.records] == [(0, "a.example"), (1, "b.example")]


@pytest.mark.parametrize(
    ("record", "mistake"),
    [
        ("v=spf1 foo:bar -all", "foo:bar: Unknown mechanism found"),
        ("v=spf1 ip4:192.0.2.0/33 -all", "ip4:192.0.2.0/33: Invalid IP4 CIDR length"),
        ("v=spf1 a:single -all", "a:single: no fully qualified domain"),
        ("v=spf1 exists:%{x}.example -all", "exists:%{x}.example: no macro or no character that may stand there"),
        ("v=spf1 x=%{ -all", "no macro or no character that may stand there: %{"),
        ("v=spf1 exp=%{x} -all", "exp=%{x}: no macro or no character that may stand there"),
        ("v=spf1 exp=e.example exp=e.example -all", "exp= stands there twice: receivers call that permerror"),
        ("v=spf1 +all", "+all lets everybody, or much of the Internet, send for the domain"),
        ("v=spf1 ip4:0.0.0.0/1 -all", "ip4:0.0.0.0/1 lets everybody, or much of the Internet, send for the domain"),
        ("v=spf1 include:none.example -all", "include:none.example leads to no record: receivers call that permerror"),
        ("v=spf1 redirect=none.example", "redirect=none.example leads to no record: receivers call that permerror"),
        ("v=spf1 include:a.example -all", "includes itself, in a circle"),
        ("v=spf1 mx:many.example -all", "mx:many.example has 11 hosts, 10 may be: receivers call that permerror"),
        ("v=spf1 include:broken.example -all", "DNS: servfail for TXT of broken.example"),
        ("v=spf1 ip6:2000::/3 -all", "ip6:2000::/3 lets everybody, or much of the Internet, send for the domain"),
        (
            "v=spf1 " + " ".join(f"ip4:{octet}.0.0.0/8" for octet in range(20, 23)) + " -all",
            "its networks together let much of the Internet send for the domain",
        ),
        ("v=spf1 mx:m.example default=deny", "default=deny has no effect; a record ends with all, or with redirect="),
        ("v=spf1 redirct=b.example", "redirct=b.example has no effect; redirect= may be meant"),
        (
            "v=spf1 ip4=192.0.2.1 -all",
            "ip4=192.0.2.1 has no effect; what matches clients is written with a colon, ip4:192.0.2.1",
        ),
        (
            "v=spf1 a:gone1.example a:gone2.example a:gone3.example -all",
            "3 terms find nothing for IPv4 clients, 2 may: receivers call that permerror",
        ),
    ],
)
def test_mistakes_are_found(record: str, mistake: str) -> None:
    assert mistake in said("mistake", a=record)


def test_what_stands_behind_all_is_read_but_not_followed() -> None:
    behind = " ".join(f"include:n{number}.example" for number in range(12))
    found = lint(a=f"v=spf1 -all {behind} ptr a:gone.example")
    assert (found.mistakes, found.terms, found.voids, len(found.records)) == (0, 0, 0, 1)
    assert [finding.text for finding in found.findings] == [
        f"what stands behind all is never looked at: {behind} ptr a:gone.example"[:300]
    ]
    assert said("mistake", a="v=spf1 -all foo:bar") == ["foo:bar: Unknown mechanism found"]


def test_modifiers_behind_all_count() -> None:
    assert lint(a="v=spf1 -all exp=e.example", e="sorry").findings == []


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        (None, "exp=e.example leads to no text of 300 ASCII characters at most, so nobody reads it"),
        ("x" * 301, "exp=e.example leads to no text of 300 ASCII characters at most, so nobody reads it"),
        ("\n", "exp=e.example leads to no text of 300 ASCII characters at most, so nobody reads it"),
        ("50% off", "exp=e.example leads to no text of 300 ASCII characters at most, so nobody reads it"),
        ("see %{S} from %{c} at %{t}", None),
    ],
)
def test_an_explanation_that_nobody_can_read_is_said(text: str | None, remark: str | None) -> None:
    world = {} if text is None else {"e": text}
    assert said("remark", a="v=spf1 -all exp=e.example", **world) == ([remark] if remark else [])


def test_an_explanation_that_depends_on_the_mail_is_not_asked_for() -> None:
    assert lint(a="v=spf1 -all exp=%{l}.e.example").findings == []


def test_hosts_without_ipv6_are_counted_for_clients_that_have_it() -> None:
    three = " ".join(["a:mx.example", "mx:m.example", "a:mx.example"])
    found = lint(a=f"v=spf1 {three} -all")
    assert [(finding.kind, finding.text) for finding in found.findings] == [
        ("remark", "3 terms find nothing for IPv6 clients, 2 may: receivers call that permerror")
    ]
    assert found.voids == 0
    six = lint(a="v=spf1 a:six.example a:six.example a:six.example -all")
    assert "3 terms find nothing for IPv4 clients, 2 may: receivers call that permerror" in [
        finding.text for finding in six.findings if finding.kind == "mistake"
    ]


@pytest.mark.parametrize(
    ("world", "kind", "text"),
    [
        (
            {("a.example", "TXT"): (b"v=spf1 -all",), ("a.example", "SPF"): (b"v=spf1 -all",)},
            "remark", "has a record of type SPF (99) too, which nobody asks for any more (RFC 7208 3.1)",
        ),
        (
            {("a.example", "SPF"): (b"v=spf1 -all",)},
            "mistake", "has no SPF record but one of type SPF (99), which nobody asks for any more (RFC 7208 3.1)",
        ),
        (
            {("a.example", "TXT"): (b"v=spf1 -all",), ("a.example", "SPF"): (b"else",)},
            "remark", "has a record of type SPF (99) too, which nobody asks for any more (RFC 7208 3.1)",
        ),
    ],
)  # fmt: skip
def test_records_of_the_old_type_are_said(world: World, kind: str, text: str) -> None:
    found = asyncio.run(lint_record(DictResolver(world), "a.example", SpfLimits()))
    assert [(finding.kind, finding.text) for finding in found.findings] == [(kind, text)]


@pytest.mark.parametrize("term", ["include:broken.example -all", "redirect=broken.example"])
def test_what_the_dns_does_not_tell_is_not_called_missing(term: str) -> None:
    assert said("mistake", a=f"v=spf1 {term}") == ["DNS: servfail for TXT of broken.example"]


def test_a_server_that_knows_nothing_of_the_old_type_is_no_mistake() -> None:
    world: World = {("a.example", "TXT"): (b"v=spf1 -all",), ("a.example", "SPF"): "refused"}
    assert asyncio.run(lint_record(DictResolver(world), "a.example", SpfLimits())).findings == []


def test_limits_count_over_all_records() -> None:
    inner = " ".join("a:mx.example exists:mx.example mx:m.example" for _ in range(2))
    assert "11 terms ask the DNS, 10 may: receivers call that permerror" in said(
        "mistake",
        a="v=spf1 include:b.example a:mx.example a:mx.example a:mx.example a:mx.example -all",
        b=f"v=spf1 {inner} -all",
    )
    assert "3 terms find nothing for IPv4 clients, 2 may: receivers call that permerror" in said(
        "mistake", a="v=spf1 a:x1.example mx:null.example exists:x3.example -all"
    )


@pytest.mark.parametrize(
    ("record", "remark"),
    [
        ("v=spf1 mx:m.example", "ends without all or redirect=: whoever is not named is neutral"),
        ("v=spf1 -all ip4:192.0.2.1", "what stands behind all is never looked at: ip4:192.0.2.1"),
        ("v=spf1 x-new=1 -all", "x-new=1 has no effect; receivers ignore what they do not know"),
        ("v=spf1 redirect=b.example -all", "redirect= is never followed, because all matches everybody"),
        ("v=spf1 ptr -all", "ptr: slow and unreliable; RFC 7208 5.5 says not to use it"),
        (
            "v=spf1 exists:%{p}.example -all",
            "exists:%{p}.example: %{p} asks more than it is worth; RFC 7208 7.2 says not to use it",
        ),
        ("v=spf1 a:gone.example -all", "a:gone.example finds nothing"),
        ("v=spf1 " + "ip4:192.0.2.1 " * 40 + "-all", "has 571 characters; more than 450 may not fit into a datagram"),
    ],
)  # fmt: skip
def test_remarks_are_made(record: str, remark: str) -> None:
    assert remark in said("remark", a=record, b="v=spf1 -all")


def test_what_depends_on_the_mail_is_not_asked() -> None:
    assert said("mistake", a="v=spf1 exists:%{i}.b.example include:%{d1}.b.example -all") == []


def test_circles_and_forests_end() -> None:
    assert "includes itself, in a circle" in said(
        "mistake", a="v=spf1 include:b.example -all", b="v=spf1 include:a.example -all"
    )
    forest = {
        f"n{number}": f"v=spf1 include:n{number + 1}.example include:n{number + 2}.example -all" for number in range(30)
    }
    found = lint(a="v=spf1 include:n0.example -all", **forest)
    assert len(found.records) <= MAX_RECORDS


@pytest.mark.parametrize("domain", ["", "single", "a..b", "x" * 300, "b c.example"])
def test_what_is_no_domain_is_said(domain: str) -> None:
    assert [finding.text for finding in lint(domain).findings] == ["is no domain that can have a record"]


def test_two_records_and_almost_records_are_told_apart() -> None:
    two: World = {("a.example", "TXT"): (b"v=spf1 -all", b"v=spf1 ~all")}
    almost: World = {("a.example", "TXT"): (b'"v=spf1 -all"',)}
    for world, text in ((two, "has 2 records"), (almost, "that is no record"), ({}, "has no SPF record")):
        found = asyncio.run(lint_record(DictResolver(world), "a.example", SpfLimits()))
        assert any(text in finding.text for finding in found.findings)


def test_nothing_of_a_record_is_shown_raw() -> None:
    found = asyncio.run(
        lint_record(DictResolver({("a.example", "TXT"): (b"v=spf1 \x1b[31m\xff\n -all",)}), "a.example", SpfLimits())
    )
    shown = "".join(text for _, _, text in found.records) + "".join(finding.text for finding in found.findings)
    assert shown.isprintable()
    assert shown.isascii()
