"""The word that was probably meant.

Law: a guess is offered only when it is close; a wrong guess costs more time than none.
"""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """``, did you mean 'delay'?``, or "" when nothing is near."""
    # postgrey's options have dashes where ours have underscores.
    near = get_close_matches(word.lower().replace("-", "_"), list(words), n=1)
    return f", did you mean {near[0]!r}?" if near else ""
