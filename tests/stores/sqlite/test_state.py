from hypothesis import given
from hypothesis import strategies as st

from policyd.model.greylist import Entry
from policyd.stores.sqlite.state import freeze, thaw

NUMBER = st.integers(-(2**63), 2**63 - 1)


@given(NUMBER, NUMBER, NUMBER, NUMBER)
def test_an_entry_comes_back_as_it_was(first_seen: int, last_seen: int, passes: int, counted: int) -> None:
    assert thaw(freeze(first_seen, last_seen, passes, counted)) == Entry(first_seen, last_seen, passes, counted)
