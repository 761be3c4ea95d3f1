from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.lookups.spf.macros import MAX_DOMAIN, MacroError, check_macros, expand_domain, expand_text, shortened

# The examples of RFC 7208 7.4.
VALUES = {
    "s": "strong-bad@email.example.com", "l": "strong-bad", "o": "email.example.com", "d": "email.example.com",
    "i": "192.0.2.3", "p": "mx.example.org", "v": "in-addr", "h": "helo.example", "c": "192.0.2.3",
    "r": "mx.here.example", "t": "1700000000",
}  # fmt: skip


@pytest.mark.parametrize(
    ("macro", "expansion"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("a%%b%_c%-d.example", "a%b c%20d.example"),
        ("%{d007}", "email.example.com"),
        ("host.example.", "host.example"),
    ],
)
def test_macros_expand_as_the_rfc_says(macro: str, expansion: str) -> None:
    assert expand_domain(macro, VALUES.__getitem__) == expansion


@pytest.mark.parametrize(
    "spec",
    [
        "%", "%a.example", "%{", "%{}", "%{d", "%{x}.example", "%{d0}.example", "%{d00}", "%{d%{d}}", "%{d2d}", "%(d)",
        "%{c}.example", "%{r}.example", "%{t}.example",  # RFC 7208 7.2: in explanations only
        "single", "", ".", "a.123", "a.-b", "a.b-", "%{d}com", "a b.example", "a\n.example", "\xe4.example",
        "a.example..", f"a.{'b' * 64}",
    ],
)  # fmt: skip
def test_what_the_grammar_does_not_allow_is_refused(spec: str) -> None:
    with pytest.raises(MacroError):
        expand_domain(spec, VALUES.__getitem__)


def test_explanations_have_words_and_three_letters_more() -> None:
    assert expand_text("see %{c}, asks %{r} at %{t}", VALUES.__getitem__) == (
        "see 192.0.2.3, asks mx.here.example at 1700000000"
    )
    for text in ("100%", "line\nline", "%{x}", "\xe9"):
        with pytest.raises(MacroError):
            expand_text(text, VALUES.__getitem__)


def test_octets_that_are_no_text_are_escaped_as_octets() -> None:  # RFC 3986 2.1; Postfix passes them on
    assert expand_domain("%{L}.b.example", lambda letter: "x\udcff\xfc") == "x%FF%C3%BC.b.example"
    assert expand_text("see %{S}", lambda letter: "\udce4@a.example") == "see %E4%40a.example"


@pytest.mark.parametrize("value", ["", "anything", "%{d}", "=x"])
def test_the_values_of_unknown_modifiers_are_macro_strings(value: str) -> None:
    check_macros(value)


def test_one_label_that_is_too_long_stays() -> None:
    assert shortened("a" * 300) == "a" * 300


@given(st.lists(st.integers(1, 200), min_size=2, max_size=20))
def test_the_longest_end_that_fits_is_kept(lengths: list[int]) -> None:
    labels = ["x" * length for length in lengths]
    name = ".".join(labels)
    ends = [end for at in range(len(labels)) if len(end := ".".join(labels[at:])) <= MAX_DOMAIN]
    assert shortened(name) == ends[0]


@given(st.text(max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    for expand in (expand_domain, expand_text):
        try:
            expand(text, VALUES.__getitem__)
        except MacroError:
            continue


@given(st.binary(max_size=9).map(lambda octets: octets.decode("utf-8", "surrogateescape")))
def test_no_octets_of_a_client_break_it(value: str) -> None:
    for expand in (expand_domain, expand_text):
        assert expand("%{S1r-}.%{L}.%{h}.b.example", lambda letter: value).endswith(".b.example")


@pytest.mark.parametrize(
    "text", ["x.aaaa" * 10_000 + "_", "%{d}.a" * 10_000, "%%.a" * 15_000, "%" * 60_001, "." * 60_000]
)
def test_time_grows_with_the_text_and_no_faster(text: str) -> None:
    start = process_time()
    with suppress(MacroError):
        expand_domain(text, VALUES.__getitem__)
    assert process_time() - start < 0.5  # stock pyspf: 8 s and 25 s
