r"""Which of many patterns can match at all, told by the last two characters of a text.

Law: patterns of hosts end in their domain, ``...\.example\.com$``, so only those of a text's own ending are searched.
A pattern whose ending is not plain is searched in every text. Lower and upper case are the same here for ASCII only:
a text with other characters is searched for everything.
"""

import re
from collections.abc import Callable, Sequence
from re import _parser  # type: ignore[attr-defined]  # as in patterns.py
from typing import Any, Final

from policyd.tables.patterns import Regex, any_of

LENGTH: Final = 2

Search = Callable[[str], object]


def ending(regex: Regex) -> str:
    """The last characters, in lower case, of every ASCII text in which `regex` is found; "" if they differ."""
    python = regex.python
    if python is None:
        return ""
    tree: list[Any] = list(_parser.parse(python.pattern, python.flags & ~re.UNICODE))
    if python.flags & re.MULTILINE or len(tree) <= LENGTH or tree[-1] not in _ENDS:
        return ""
    last = tree[-1 - LENGTH : -1]
    if any(operator is not _parser.LITERAL or value > 127 for operator, value in last):
        return ""
    return "".join(chr(value) for _, value in last).lower()


_ENDS: Final = ((_parser.AT, _parser.AT_END), (_parser.AT, _parser.AT_END_STRING))


def any_by_ending(regexes: Sequence[Regex]) -> Search:
    """Whether any of `regexes` is found in a text, which is one line."""
    by_ending: dict[str, list[Regex]] = {}
    for regex in regexes:
        by_ending.setdefault(ending(regex), []).append(regex)
    everywhere = by_ending.pop("", [])
    if not by_ending:
        return any_of(everywhere)
    searches = {last: any_of(everywhere + some) for last, some in by_ending.items()}
    everything, usual = any_of(regexes), any_of(everywhere)

    def search(text: str) -> object:
        chosen = searches.get(text[-LENGTH:].lower(), usual) if text.isascii() else everything
        return chosen(text)

    return search
