"""Law tested: the defaults are usable as they are, and what contradicts itself is refused by the option's name."""

import pytest

from policyd.checks.rbl.settings import Settings
from policyd.checks.rbl.zones import ZoneSettings


def test_the_defaults_are_the_documented_ones() -> None:
    settings = Settings()
    assert settings.sites == ("zen.spamhaus.org=127.0.0.[2..11]*3", "list.dnswl.org=127.0.[0..255].[1..3]*-2")
    assert (settings.tag_at, settings.greylist_at, settings.defer_at, settings.reject_at) == (1.0, 1.0, 0.0, 3.0)
    assert settings.deadline == 5


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"sites": ("zen.spamhaus.org=127",)}, "^sites: "),
        ({"zones": (ZoneSettings("a.example", filter="x"),)}, "^zones: number 1: "),
        ({"defer_at": 3.0}, "^defer_at: "),
        ({"defer_at": 4.0, "reject_at": 3.0}, "^defer_at: "),
    ],
)
def test_mistakes_begin_with_the_option(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Settings(**options)  # type: ignore[arg-type]


def test_never_to_reject_is_a_choice() -> None:
    assert Settings(defer_at=4.0, reject_at=0.0).defer_at == 4.0


def test_keys_are_not_printed() -> None:
    settings = Settings(sites=("secretkey.zen.dq.spamhaus.net",), zones=(ZoneSettings("b.example", "secretkey"),))
    assert "secretkey" not in repr(settings)
