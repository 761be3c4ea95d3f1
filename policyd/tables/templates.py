"""The action of a rule that quotes what its pattern found: ``550 Use ${1}@${2} instead``.

Law: what is quoted is the client's, so it is cleaned and cut; it can become part of a text, never a verb, and no
quotation makes an action that could not be sent.
"""

import re
from typing import Final, NamedTuple

from policyd.model.action import DUNNO, MAX_HEADER, MAX_TEXT, Action, clean_text
from policyd.tables.linear import Found
from policyd.tables.rights import make_action, parse_action, short

_MACRO: Final = re.compile(r"\$(?:(\$)|\{([0-9]+)\}|\(([0-9]+)\)|([0-9]+)(?![A-Za-z0-9_])|)", re.ASCII)


class Template(NamedTuple):
    """A verb, and its text with ``$1`` in it."""

    verb: str
    text: str

    def fill(self, found: Found) -> Action:
        """The action for what was found; no opinion where that makes no sense, as a header without a value."""
        limit = MAX_HEADER if self.verb == "PREPEND" else MAX_TEXT
        text = _MACRO.sub(lambda macro: _value(macro, found), self.text)
        try:
            return make_action(self.verb, clean_text(text, limit) if text.strip() else "")
        except ValueError:
            return DUNNO


def parse_template(text: str, groups: int, *, negated: bool) -> tuple[str, Template | None]:
    """The action in `text`, and the template if it quotes something; ``$$`` becomes ``$`` if it does not.

    `groups`: how many the pattern has; a negated one finds nothing to quote. Raises ValueError for people.
    """
    quoted = False
    for macro in _MACRO.finditer(text):
        number = _number(macro)
        if number is None and not macro[1]:
            raise ValueError(f"{short(text)} has a '$' that quotes nothing: write $$ for the character, or ${{1}}")
        if number is not None and (negated or not 1 <= number <= groups):
            raise ValueError(
                f"{short(text)}: there is no group {number} in what is found: write $$ for the character '$'"
            )
        quoted = quoted or number is not None
    if not quoted:
        return text.replace("$$", "$"), None
    parse_action(_MACRO.sub(lambda macro: "$" if macro[1] else "x", text))
    verb, rest = text.split(None, 1)
    return text, Template(verb.upper(), rest)


def _number(macro: re.Match[str]) -> int | None:
    digits = macro[2] or macro[3] or macro[4]
    return int(digits[:4]) if digits else None


def _value(macro: re.Match[str], found: Found) -> str:
    return "$" if macro[1] else found[_number(macro) or 0] or ""
