import asyncio

import pytest

from policyd.model.errors import ConfigError
from policyd.stores import StoreOptions, open_store
from policyd.stores.store import BATCH_ROWS, COMMIT_SECONDS, CommitFigures


@pytest.mark.parametrize("url", ["", "mysql:db", "sqlite", "sqlite:", "sqlite:/var/lib/"])
def test_a_url_that_names_no_store_is_a_mistake_of_the_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[store\] url"):
        asyncio.run(open_store(url, StoreOptions()))


def test_commits_are_counted_under_the_lowest_bound_that_holds_them() -> None:
    figures = CommitFigures()
    for rows, seconds in ((1, 0.0001), (2, 0.00011), (501, 2.0)):
        figures.count(rows, seconds)
    assert (figures.commits, figures.rows) == (3, 504)
    assert figures.seconds_counts == [1, 1, *[0] * (len(COMMIT_SECONDS) - 2), 1]
    assert figures.rows_counts == [1, 1, *[0] * (len(BATCH_ROWS) - 2), 1]
