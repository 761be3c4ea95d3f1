import pytest

from policyd.model.mailbox import as_delivered


@pytest.mark.parametrize(
    ("address", "delivered"),
    [
        # What a real Postfix made of them.
        ("user%a.example", "user@a.example"),
        ("a.example!user", "user@a.example"),
        ("x%b.example%a.example", "x%b.example@a.example"),
        ("a.example!b.example!user", "b.example!user@a.example"),
        ("x!user%a.example", "user%a.example@x"),
        ("user%b.example@a.example", "user%b.example@a.example"),
        ("user%a.example@", "user%a.example@"),
        ("b.example!user@a.example", "b.example!user@a.example"),
        ("user", "user"),
        ("%", "%"),
        ("!", "!"),
        ("user%", "user%"),
        ("%a.example", "%a.example"),
        ("!user", "!user"),
        ("a.example!", "a.example!"),
        ("", ""),
    ],
)
def test_an_address_without_an_at_sign_may_have_a_domain(address: str, delivered: str) -> None:
    assert as_delivered(address) == delivered
