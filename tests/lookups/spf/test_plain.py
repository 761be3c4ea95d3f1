from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from policyd.lookups.spf import terms
from policyd.lookups.spf.networks import Network
from policyd.lookups.spf.plain import Plain, Term, read_plain, result_of
from policyd.lookups.spf.terms import read_record
from policyd.model.dns import Mx
from policyd.model.spf import SpfReport
from tests.lookups.spf.world import World, question, report

LABEL = "l" * 63


def plain_of(record: str) -> Plain | None:
    return read_record(record).plain


@pytest.mark.parametrize(
    ("term", "read"),
    [
        ("all", Term("all", "all", "", {4: 32, 6: 128})),
        ("-ALL", Term("-ALL", "all", "", {4: 32, 6: 128})),
        ("a", Term("a", "a", "", {4: 32, 6: 128})),
        ("?Mx:B.example./24//64", Term("?Mx:B.example./24//64", "mx", "B.example", {4: 24, 6: 64})),
        ("~a//0", Term("~a//0", "a", "", {4: 32, 6: 0})),
        ("+include:_spf.b.example", Term("+include:_spf.b.example", "include", "_spf.b.example", {4: 32, 6: 128})),
        ("ip4:192.0.2.0/24", Network("ip4:192.0.2.0/24", 4, 8, 0xC00002)),
    ],
)
def test_plain_terms_are_read(term: str, read: Term | Network) -> None:
    plain = plain_of(f"v=spf1  {term} redirect=c.example. ip6:2001:db8::/32")
    assert plain
    assert plain.terms[4] == [read]
    assert plain.redirect == "c.example"


@pytest.mark.parametrize(
    "term",
    [
        "all:b.example", "all/8", "=all", "foo", "include", "include:", "include:b", "include:b.example/24", "a:",
        "a:b.example/33", "a//129", "a/024", "a:192.0.2.1", "a:%{d}", "a:b.example:25", "a:b_.example_",
        "mx:b..example",
        "include:.b.example", f"a:b.{LABEL}l", f"a:{'.'.join([LABEL] * 4)}.example", "ptr", "exists:b.example",
        "exp=b.example", "redirect=b", "redirect=", "redirect=%{d}", "redirect=b.example redirect=c.example",
        "ip4:192.0.2.0/33", "ip5:x", "a:b.example,", "a:b.exam-", "a:b.42",
    ],
)  # fmt: skip
def test_what_is_not_surely_plain_is_left_to_pyspf(term: str) -> None:
    assert plain_of(f"v=spf1 {term} -all") is None


@pytest.mark.parametrize("domain", ["b.exam%ple", "b.example_", "b.42"])
def test_a_term_without_a_name_needs_a_plain_domain(domain: str) -> None:
    own, other = plain_of("v=spf1 a -all"), plain_of("v=spf1 a:b.example -all")
    assert own
    assert other
    assert not own.suits(domain)
    assert own.suits("b.example")
    assert other.suits(domain)


def test_what_hosts_authorise_is_counted() -> None:
    plain = plain_of("v=spf1 a/8 mx//16 -a/1 include:b.example")
    assert plain
    assert plain.authorised == {4: (1 << 24) + 1, 6: 1 + (1 << 112)}


def test_a_qualifier_is_a_result() -> None:
    plain = plain_of("v=spf1 +a ~a ?a -a a")
    assert plain
    assert [result_of(term) for term in plain.terms[4]] == ["pass", "softfail", "neutral", "fail", "pass"]


# --- never another result than pyspf's ---

NAMES = ("a.example", "b.example", "c.example", "B.Example.", "none.example", "broken.example", "h.example", "b", "x_")
qualifiers = st.sampled_from(["", "", "", "+", "-", "~", "?"])
suffixes = st.sampled_from(["", "", "", "", "/24", "/0", "//64", "/24//0", "/33", "/08", ":"])
names = st.sampled_from(["", ":", *(f":{name}" for name in NAMES)])
mechanisms = st.sampled_from(["a", "mx", "include", "MX", "Include", "all", "ALL", "ptr", "exists", "ip4", "foo"])
odd = st.sampled_from([
    "ip4:192.0.2.0/24", "ip4:198.51.100.0/24", "-ip6:2001:db8::/32", "ip4:192.0.2.1/99", "redirect=b.example", "",
    ",",
    "redirect=c.example.", "redirect=none.example", "exp=h.example", "x=y", "x=%{", "a:%{d}", "include:%{o}",
    "ip4:%{i}",
])  # fmt: skip
written = st.builds("{}{}{}{}".format, qualifiers, mechanisms, names, suffixes)
good = st.sampled_from([
    "a", "-a//64", "~a:h.example/24", "a:b.example", "mx", "mx:a.example//0", "?mx:h.example", "a:none.example",
    "include:b.example", "include:c.example", "-include:B.example.", "include:a.example", "ip4:192.0.2.0/24",
    "-ip4:203.0.113.9", "~ip4:198.51.100.0/24", "ip6:2001:db8::/32", "?ip6:2001:db8::1", "redirect=c.example", "~all",
    "-all", "all", "?ALL", "x=y",
])  # fmt: skip
words = st.lists(good, max_size=4) | st.lists(good, max_size=4) | st.lists(written | odd | good, max_size=5)
record_texts = words.map(lambda chosen: " ".join(["v=spf1", *chosen]))
HOSTS: World = {
    ("h.example", "A"): ("192.0.2.1", "203.0.113.9"),
    ("h.example", "AAAA"): ("2001:db8::1",),
    ("b.example", "A"): ("192.0.2.77",),
    ("a.example", "MX"): (Mx(10, "h.example"), Mx(5, "none.example")),
    ("c.example", "MX"): tuple(Mx(n, f"m{n}.example") for n in range(11)),
    ("broken.example", "TXT"): "servfail",
    ("broken.example", "A"): "timeout",
}


@settings(max_examples=3 * settings.default.max_examples)
@given(
    st.tuples(record_texts, record_texts, record_texts),
    st.sampled_from(["192.0.2.1", "203.0.113.9", "198.51.100.7", "2001:db8::1"]),
)
@example(("v=spf1 include:b.example redirect=c.example", "v=spf1 a//0 ?all", "v=spf1 mx -all"), "192.0.2.1")
@example(("v=spf1 include:c.example", "v=spf1", "v=spf1 a a x=%{"), "192.0.2.1")
@example(("v=spf1 include:none.example -all", "v=spf1", "v=spf1"), "192.0.2.1")
@example(("v=spf1 include:b.example", "v=spf1 include:c.example", "v=spf1 include:a.example"), "192.0.2.1")
@example(("v=spf1 a mx a:none.example mx:none.example a:no.example -all", "v=spf1", "v=spf1"), "198.51.100.7")
def test_pyspf_says_the_same(texts: Sequence[str], client: str) -> None:
    world = {**HOSTS, **{(f"{name}.example", "TXT"): (text.encode(),) for name, text in zip("abc", texts, strict=True)}}
    ours = report(world, question(client))  # type: ignore[arg-type]
    assert ours == by_pyspf(world, client)  # type: ignore[arg-type]


def by_pyspf(world: World, client: str) -> SpfReport:
    """The report where no record is plain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms, "read_plain", lambda _: None)
        terms._remembered.cache_clear()
        try:
            return report(world, question(client))
        finally:
            terms._remembered.cache_clear()


def test_the_comparison_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    world: World = {("a.example", "TXT"): (b"v=spf1 ip4:192.0.2.1 -all",)}
    assert by_pyspf(world, "192.0.2.1") == report(world)
    monkeypatch.setattr("policyd.lookups.spf.engine.result_of", lambda term: "neutral")
    assert by_pyspf(world, "192.0.2.1") != report(world)


def test_nothing_is_a_plain_record_too() -> None:
    assert read_plain([]) == Plain({4: [], 6: []}, "", [], {4: 0, 6: 0}, uses_own=False)
