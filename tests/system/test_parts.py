"""A part that is missing is an error in CI and a skip elsewhere: a green run has tested what it says it has."""

import pytest

from tests.system.parts import require


@pytest.mark.parametrize(
    ("environment", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)], ids=["CI", "elsewhere"]
)
def test_a_missing_part(monkeypatch: pytest.MonkeyPatch, environment: str, outcome: type[BaseException]) -> None:
    monkeypatch.setenv("CI", environment)
    with pytest.raises(outcome, match="no-such-program is not installed"):
        require("no-such-program")


def test_everything_here_is_marked_so_that_it_can_be_left_out(request: pytest.FixtureRequest) -> None:
    assert [item.name for item in request.session.items if not _is_marked(item)] == []


def _is_marked(item: pytest.Item) -> bool:
    return "tests/system/" not in item.nodeid.partition("[")[0] or item.get_closest_marker("system") is not None
