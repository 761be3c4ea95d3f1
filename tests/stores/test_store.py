import asyncio

import pytest

from policyd.model.errors import ConfigError
from policyd.model.greylist import Entry, Triplet, client_key
from policyd.model.recognition import FORGOTTEN
from policyd.stores import StoreOptions, open_store
from policyd.stores.store import BATCH_ROWS, COMMIT_SECONDS, CommitFigures, Wanted


@pytest.mark.parametrize("url", ["", "mysql:db", "sqlite", "sqlite:", "sqlite:/var/lib/"])
def test_a_url_that_names_no_store_is_a_mistake_of_the_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[store\] url"):
        asyncio.run(open_store(url, StoreOptions()))


def test_commits_are_counted_under_the_lowest_bound_that_holds_them() -> None:
    figures = CommitFigures()
    for rows, seconds in ((1, 0.0001), (2, 0.00011), (501, 2.0)):
        figures.count(rows, seconds)
    assert (figures.commits, figures.rows, figures.seconds) == (3, 504, pytest.approx(2.00021))
    assert figures.seconds_counts == [1, 1, *[0] * (len(COMMIT_SECONDS) - 2), 1]
    assert figures.rows_counts == [1, 1, *[0] * (len(BATCH_ROWS) - 2), 1]


MAIL = Triplet("192.0.2.0/24", "a@x.example", "b@y.example")
WAITS, PASSED = Entry(100, 100), Entry(100, 200, 1)


@pytest.mark.parametrize(
    ("wanted", "key", "entry", "fits"),
    [
        (Wanted(), MAIL, PASSED, True),
        (Wanted(), MAIL, FORGOTTEN, False),
        (Wanted(("192.0.2.0/24",)), MAIL, PASSED, True),
        (Wanted(("192.0.2.0/24",)), client_key(MAIL), PASSED, True),
        (Wanted(("b@y.example", "c@z.example")), MAIL, PASSED, True),
        (Wanted(("y.example",)), MAIL, PASSED, False),
        (Wanted(domain="@x.example"), MAIL, PASSED, True),
        (Wanted(domain="@y.example"), MAIL, PASSED, True),
        (Wanted(domain="@example"), MAIL, PASSED, False),
        (Wanted(waiting_since=100), MAIL, WAITS, True),
        (Wanted(waiting_since=101), MAIL, WAITS, False),
        (Wanted(waiting_since=100), MAIL, PASSED, False),
        (Wanted(waiting_since=100), client_key(MAIL), WAITS, False),
        (Wanted(("c@z.example",), waiting_since=100), MAIL, WAITS, False),
    ],
)
def test_what_somebody_asks_for(wanted: Wanted, key: Triplet, entry: Entry, *, fits: bool) -> None:
    assert wanted.fits(key, entry) is fits
