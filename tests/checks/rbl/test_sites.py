"""Law tested: `postscreen_dnsbl_sites` is read as postscreen reads it, and complaints show no key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.rbl.filter import parse_filter
from policyd.checks.rbl.sites import (
    MAX_NAME,
    MAX_WEIGHT,
    Site,
    check_weight,
    parse_name,
    parse_site,
    parse_sites,
    parse_weight,
)

names = st.sampled_from(["zen.spamhaus.org", "list.dnswl.org", "b.example", "x_y.example.net"])
filters = st.sampled_from(["", "127.0.0.2", "127.0.0.[2..11]", "127.0.[0..255].[1..3]"])
weights = st.one_of(st.none(), st.integers(-999, 999).filter(bool), st.sampled_from([0.5, -0.25, 1.75]))


@given(
    st.lists(st.tuples(names, filters, weights), min_size=1, max_size=5),
    st.sampled_from([", ", ",", " ", "\n\t", " , "]),
)
def test_what_is_written_is_read(sites: list[tuple[str, str, float | None]], separator: str) -> None:
    text = separator.join(
        name + (f"={codes}" if codes else "") + (f"*{weight}" if weight is not None else "")
        for name, codes, weight in sites
    )
    expected = [Site(n, parse_filter(c) if c else None, 1.0 if w is None else float(w)) for n, c, w in sites]
    assert list(parse_sites([text])) == expected
    assert list(parse_sites([text, text])) == expected * 2


@pytest.mark.parametrize("text", ["", " ", ", ,"])
def test_a_text_without_a_list_is_a_mistake_and_no_text_at_all_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="names no list"):
        parse_sites(["zen.spamhaus.org", text])
    assert parse_sites([]) == ()


def test_the_example_of_the_manual() -> None:
    first, second = parse_sites(["zen.spamhaus.org=127.0.0.[2..11]*3, list.dnswl.org=127.[0..255].[0..255].[1..3]*-2"])
    assert (first.name, first.weight) == ("zen.spamhaus.org", 3.0)
    assert (second.name, second.weight) == ("list.dnswl.org", -2.0)


@given(st.text(alphabet="az.=*[];019-+ ,&\u00e4", max_size=40))
def test_any_text_is_sites_or_a_complaint(text: str) -> None:
    sites, complaint = (), ""
    try:
        sites = parse_sites([text])
    except ValueError as error:
        complaint = str(error)
    assert not complaint or ": write" in complaint or "largest" in complaint
    assert all(site.weight and "." in site.name for site in sites)


@pytest.mark.parametrize("text", ["", "x", "3;", "0x3", "1e3", "nan", "inf", "3*4", "0", "-0.0", "1001", "-1001", "."])
def test_what_is_no_weight(text: str) -> None:
    with pytest.raises(ValueError, match="weight"):
        parse_weight(text)


def test_the_greatest_weights() -> None:
    assert [parse_weight(text) for text in ("1000", "-1000")] == [MAX_WEIGHT, -MAX_WEIGHT]
    with pytest.raises(ValueError, match="write -1000 to 1000, but not 0"):
        parse_weight("1001")


def test_a_complaint_about_a_name_shows_two_labels_at_most() -> None:
    with pytest.raises(ValueError, match=r"the name that ends in 'b!\.example' is no name of a list"):
        parse_name("key.a.b!.example")
    with pytest.raises(ValueError, match=f"the name that ends in '{'e' * 60}'"):
        parse_name("key." + "e" * 70)


def test_the_longest_name() -> None:
    longest = "a." * ((MAX_NAME - 9) // 2) + "b" * ((MAX_NAME - 9) % 2 + 1) + ".example"
    assert len(longest) == MAX_NAME
    assert parse_name(longest) == longest
    with pytest.raises(ValueError, match="no name of a list"):
        parse_name("b" + longest)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 0.0])
def test_numbers_of_toml_that_are_no_weights(weight: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        check_weight(weight)


@pytest.mark.parametrize(
    "text",
    ["zen", "", "a..b", "-a.example", "a.example/8", "a.127", "\u00e4.example", "a" * 64 + ".b", "a." * 110 + "b"],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="no name of a list"):
        parse_name(text)


def test_a_name_is_lower_case_without_its_last_dot() -> None:
    assert parse_name("Zen.Spamhaus.ORG.") == "zen.spamhaus.org"


def test_a_complaint_shows_no_key() -> None:
    for text in ("secretkey.zen.dq.spamhaus.net/", "secretkey.zen.dq.spamhaus.net=127.0.0", "secretkey.zen.dq.x.net*y"):
        with pytest.raises(ValueError, match="write") as caught:
            parse_site(text)
        assert "secret" not in str(caught.value)
