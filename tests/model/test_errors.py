"""Law tested: one base for everything raised on purpose; a configuration error keeps all its mistakes."""

import pytest

from policyd.model.errors import ConfigError, PolicydError, ProtocolError, Unavailable


def test_all_mistakes_are_told_at_once() -> None:
    error = ConfigError(["a.toml:1: wrong, write it so", "a.toml:9: unknown, remove it"])
    assert error.mistakes == ("a.toml:1: wrong, write it so", "a.toml:9: unknown, remove it")
    assert str(error).splitlines() == list(error.mistakes)


@pytest.mark.parametrize("error", [ConfigError, ProtocolError, Unavailable])
def test_every_error_on_purpose_is_a_policyd_error(error: type[Exception]) -> None:
    assert issubclass(error, PolicydError)


def test_an_unavailable_store_is_no_protocol_error() -> None:
    assert not issubclass(Unavailable, ProtocolError)
