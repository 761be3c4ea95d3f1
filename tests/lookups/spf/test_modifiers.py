import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.lookups.spf.modifiers import advice


@pytest.mark.parametrize("modifier", ["redirect", "exp", "Redirect", "EXP"])
def test_what_has_an_effect_needs_no_advice(modifier: str) -> None:
    assert advice(modifier, "a.example") is None


@pytest.mark.parametrize(
    ("modifier", "kind", "words"),
    [
        ("default", "mistake", "default=deny has no effect; a record ends with all, or with redirect="),
        ("redirct", "mistake", "redirct=deny has no effect; redirect= may be meant"),
        ("rediret", "mistake", "redirect= may be meant"),
        ("explain", "remark", "ignore"),
        ("include", "mistake", "written with a colon, include:deny"),
        ("IP4", "mistake", "written with a colon, ip4:deny"),
        ("a", "mistake", "written with a colon, a:deny"),
        ("includes", "mistake", "include: may be meant"),
        ("op", "remark", "receivers ignore what they do not know"),
        ("match_subdomains", "remark", "receivers ignore what they do not know"),
        ("x", "remark", "x=deny has no effect; receivers ignore what they do not know"),
        ("ra", "remark", "ignore"),
    ],
)
def test_what_has_none_is_said(modifier: str, kind: str, words: str) -> None:
    found = advice(modifier, "deny")
    assert found
    assert (found.kind, words in found.text) == (kind, True)


@given(st.text(min_size=1, max_size=600), st.text(max_size=20))
def test_no_text_breaks_it(modifier: str, value: str) -> None:
    advice(modifier, value)
