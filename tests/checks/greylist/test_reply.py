"""Law tested: no value brings in another placeholder, and what is sent can be sent."""

from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.greylist import reply
from tests.examples import thorough


def test_a_value_is_never_a_placeholder() -> None:
    assert reply.fill(reply.TEXT_WORD, "%r %s", {"%r": "%s", "%s": "7"}) == "%s 7"


@given(st.text(max_size=500), st.integers(0, 86400))
@thorough
def test_any_recipient_can_be_told(recipient: str, seconds: int) -> None:
    action = reply.deferral("DEFER_IF_PERMIT", "Greylisted, %s for %r", seconds, recipient)
    assert action.text.startswith(f"4.2.0 Greylisted, {seconds} for")


def test_a_refusal_is_one() -> None:
    assert reply.TRAP_REFUSAL.rejects
