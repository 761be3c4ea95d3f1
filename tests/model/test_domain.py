import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.domain import a_labels


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("B.Example.", "b.example."),
        ("b\xfccher.example", "xn--bcher-kva.example"),
        ("B\xdcCHER.Fa\xdf.EXAMPLE.", "xn--bcher-kva.xn--fa-hia.example."),
        ("fa\xdf.example", "xn--fa-hia.example"),  # and not fass.example, which is somebody else's
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", "xn--nxasmm1c.example"),
        ("\u0392\u038c\u039b\u039f\u03a3.example", "xn--nxasmq6b.example"),
        ("\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"),
        ("\uff41\uff0e\uff45\uff58\uff61\xe9", "a.ex.xn--9ca"),
        ("a..\xe9", "a..xn--9ca"),
    ],
)
def test_a_domain_is_told_as_the_dns_knows_it(domain: str, name: str) -> None:
    assert a_labels(domain) == name


@pytest.mark.parametrize(
    ("label", "plain"),
    [
        ("FA\u1e9e", "fass"),
        ("\u039f\u03a3\xdf\u03a3", "\u03bf\u03c3\xdf\u03c3"),
        ("e\u0301\xdf", "\xe9\xdf"),
        ("\uff21\xdf", "a\xdf"),
    ],
)
def test_one_word_has_one_name_however_it_is_written(label: str, plain: str) -> None:
    found = a_labels(f"{label}.example").removesuffix(".example")
    assert found == (plain if plain.isascii() else f"xn--{plain.encode('punycode').decode()}")


@pytest.mark.parametrize(
    "domain", ["\udcff.example", "\xdf\udcff.example", "\xfc" * 63 + ".example", "\u200e.example", "\u0080.example"]
)
def test_what_cannot_be_a_domain_is_none(domain: str) -> None:
    assert a_labels(domain) == ""


@given(st.text(max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    name = a_labels(text)
    assert name.isascii()
    assert a_labels(name) == name
