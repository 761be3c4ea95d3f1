"""Every error policyd raises on purpose. Anything else is a bug (caught once, in server).

PolicydError
├── ConfigError     the administrator's files are wrong: refuse to start (exit 78) or keep the old settings
├── ProtocolError   the peer does not speak the policy protocol: log, hang up, send nothing
├── Refused         an administrator asks a running daemon for what it cannot do: the sentence goes to him
└── Unavailable     a check or store cannot answer now: the check's `on_error`, by default no opinion
"""

from collections.abc import Sequence


class PolicydError(Exception):
    """Base of all errors that policyd raises on purpose."""


class ConfigError(PolicydError):
    """Mistakes in configuration or list files, all of them at once.

    Each mistake is one line for a person: ``FILE:LINE: what is wrong, what to do``.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class ProtocolError(PolicydError):
    """The bytes are no policy request; the connection must be closed without a reply.

    Postfix then logs, waits 1 s, asks once more and answers 451 at worst (SMTPD_POLICY_README).
    """


class Refused(PolicydError):
    """What an administrator asked for cannot be done; the sentence says why, `mistakes` name files and lines."""

    def __init__(self, sentence: str, mistakes: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.mistakes = tuple(mistakes)


class Unavailable(PolicydError):
    """Something a check needs cannot be had now (store, resolver). Never an answer by itself."""
