"""Law tested: `postscreen_dnsbl_sites` is read as postscreen reads it, and complaints show no key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.rbl.filter import parse_filter
from policyd.checks.rbl.sites import Site, check_weight, parse_name, parse_site, parse_sites, parse_weight

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
