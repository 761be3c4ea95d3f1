"""Law tested: the grammar of Postfix's ip_match(3), number for number; and bits beyond it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.rbl.filter import Code, parse_code, parse_filter

octets = st.integers(0, 255)
ranges = st.tuples(octets, octets).map(sorted).map(tuple)
fields = st.one_of(octets.map(lambda n: (n, n)).map(lambda r: [r]), st.lists(ranges, min_size=1, max_size=4))


def written(field: list[tuple[int, int]]) -> str:
    members = [str(low) if low == high else f"{low}..{high}" for low, high in field]
    return members[0] if len(field) == 1 and field[0][0] == field[0][1] else f"[{';'.join(members)}]"


@given(st.lists(fields, min_size=4, max_size=4), st.tuples(octets, octets, octets, octets))
def test_a_filter_takes_what_lies_in_every_field_and_nothing_else(
    pattern: list[list[tuple[int, int]]], code: Code
) -> None:
    parsed = parse_filter(".".join(map(written, pattern)))
    expected = all(
        any(low <= number <= high for low, high in field) for number, field in zip(code, pattern, strict=True)
    )
    assert parsed.matches(code) == expected


@given(st.integers(1, 255), octets)
def test_a_mask_takes_every_number_with_one_of_its_bits(mask: int, number: int) -> None:
    assert parse_filter(f"127.0.0.&{mask}").matches((127, 0, 0, number)) == bool(number & mask)


@given(st.text(alphabet="0123456789.;[]&*, x\n", max_size=30))
def test_any_text_is_a_filter_or_a_complaint(text: str) -> None:
    try:
        said = "write" if len(parse_filter(text).fields) == 4 else ""
    except ValueError as error:
        said = str(error)
    assert "write" in said or "largest" in said


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no filter"),
        ("127.0.0", "is no filter"),
        ("127.0.0.2.3", "is no filter"),
        ("127x0.0.2", "is no filter"),
        ("127[0].0.2", "is no filter"),
        ("127.0.0.2 ", "is no filter"),
        ("127.0.0.[]", "is no filter"),
        ("127.0.0.[2..]", "is no filter"),
        ("127.0.0.[2,4]", "is no filter"),
        ("127.0.0.3[6..9]", "is no filter"),
        ("127.0.[0.3]", "is no filter"),
        ("127.0.0.\u0662", "is no filter"),
        ("127.0.0.256", "256 is too much"),
        ("127.0.0.[11..2]", "runs backwards"),
        ("127.0.0.&0", "no bit"),
        ("1" * 1001, "at most 1000"),
    ],
)
def test_what_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_filter(text)


def test_leading_zeros_are_decimal_as_in_postfix() -> None:
    assert parse_filter("127.0.0.010").matches((127, 0, 0, 10))


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.4.5", "127.0.0.256", "127.0.0.x", "127.0.0.0002", "::1", "127.0.0.\u0662", "0" * 9]
)
def test_what_is_no_address_is_no_code(text: str) -> None:
    assert parse_code(text) is None


@given(st.tuples(octets, octets, octets, octets))
def test_an_address_is_its_numbers(code: Code) -> None:
    assert parse_code(".".join(map(str, code))) == code
