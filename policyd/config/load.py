"""Reading the file: text, then TOML, then settings; each mistake with its file and line.

Law: reading changes nothing and keeps nothing; SIGHUP reads again.
"""

import errno
import re
import tomllib
from typing import Final

from policyd.config.build import build
from policyd.config.locate import Place, locate
from policyd.config.settings import ARRAYS, Settings
from policyd.model.errors import ConfigError

_AT: Final = re.compile(r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)$")
_BARE_VALUE: Final = re.compile(r"""\s*([\w.-]+)\s*=\s*([^\s"'#\[{][^"'#]*?)\s*(?:#.*)?""")
_SECTION_TWICE: Final = re.compile(r"Cannot declare \('([^']*)',\) twice")
_OTHER_CODE: Final = "is not UTF-8; save the file as UTF-8"
_UNCLOSED: Final = "a quote is missing at the end of a text"
# tomllib's words for the mistakes whose cause they do not show.
_PLAIN: Final = {
    "Cannot overwrite a value": "an option stands here for the second time; remove one",
    "Illegal character '\\n'": _UNCLOSED,
    'Expected "\'"': _UNCLOSED,
}
_UNREADABLE: Final = {
    errno.EISDIR: "; name the file in it with --config FILE",
    errno.EACCES: "; let policyd's user read it, and enter the directories above it",
}


def load(path: str) -> Settings:
    """The settings in the file at `path`. Raises ConfigError with all mistakes at once."""
    return parse(_text(read(path), path), path)


def load_again(path: str) -> Settings:
    """The same for a daemon that runs: it does not give up its settings for an empty file. Raises ConfigError."""
    text = _text(read(path), path)
    if not text.strip():
        raise ConfigError(
            [f"{path}: is empty; was the disk full when it was saved? A comment in it would mean all defaults"]
        )
    return parse(text, path)


def parse(text: str, path: str) -> Settings:
    """The settings in `text`; mistakes name `path`. Raises ConfigError with all mistakes at once."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a ValueError also for numbers of 4,300 digits
        raise ConfigError([_no_toml(error, text, path)]) from None
    lines = locate(text.replace("\r\n", "\n"))

    def where(place: Place) -> str:
        while place and place not in lines:  # in an inline table, say
            place = place[:-1]
        return f"{path}:{lines[place]}" if place else path

    return build(tables, path, where)


def read(path: str) -> bytes:
    """The file at `path`. Raises ConfigError if it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - to pathlib "" is the current directory
            return file.read()
    except FileNotFoundError:
        raise ConfigError([f"{path or repr(path)}: no such file; name the configuration with --config FILE"]) from None
    except (OSError, ValueError) as error:  # a ValueError for NUL in the path
        reason = getattr(error, "strerror", None) or error
        remedy = _UNREADABLE.get(getattr(error, "errno", 0), "")
        raise ConfigError([f"{path}: cannot be read: {reason}{remedy}"]) from None


def _text(raw: bytes, path: str) -> str:
    if raw.count(b"\0", 0, 2) == 1:  # UTF-16 that does not say so
        raise ConfigError([f"{path}:1: {_OTHER_CODE}"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: {_OTHER_CODE}"]) from None


def _no_toml(error: Exception, text: str, path: str) -> str:
    if isinstance(error, RecursionError):
        return f"{path}: no valid TOML: brackets within brackets without an end"
    at = _AT.search(str(error))
    lines = text.removesuffix("\n").split("\n")
    number = int(at[1]) if at and at[1] else len(lines)
    sentence = _AT.sub("", str(error))
    twice = _SECTION_TWICE.fullmatch(sentence)
    if twice and twice[1] in ARRAYS:
        return f"{path}:{number}: [{twice[1]}] stands here for the second time; begin each of them with [[{twice[1]}]]"
    if twice:
        return f"{path}:{number}: [{twice[1]}] stands here for the second time; put its options in one place"
    line = lines[min(number, len(lines)) - 1].removesuffix("\r")
    plain = _PLAIN.get(sentence) or _of_bare_value(line)
    return f"{path}:{number}: {plain or f'no valid TOML: {sentence[:1].lower()}{sentence[1:]}{_of_unseen(line)}'}"


def _of_unseen(line: str) -> str:
    """What to do about a character that may be the mistake and that nobody sees; "" without one."""
    for column, char in enumerate(line, 1):
        if char == "\r":
            return "; lines end with U+000D alone here, save the file with line feeds"
        if not char.isprintable() and char != "\t":
            return f"; nobody sees U+{ord(char):04X} in column {column}, delete it"
    return ""


def _of_bare_value(line: str) -> str:
    """What to do about a line such as ``delay = 240s``, the mistake most often made; "" if it is another."""
    match = _BARE_VALUE.fullmatch(line)
    if match is None:
        return ""
    key, value = match.groups()
    if value.lower() in ("true", "false", "yes", "no", "on", "off"):
        return f"{key}: write true or false, in small letters"
    return f'{key}: the value needs quotes: {key} = "..."'  # not repeated: it may be a secret
