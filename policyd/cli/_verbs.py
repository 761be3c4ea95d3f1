"""Verbs that have verbs of their own: `policyd list`, `policyd rbl`, `policyd greylist`. No verb: see the underscore.

Law: what was mistyped is answered with what was meant, or with where to look.
"""

from collections.abc import Callable, Mapping

from policyd.cli import GOOD, USAGE, complain
from policyd.config.suggest import did_you_mean


def choose(
    name: str, arguments: list[str], verbs: Mapping[str, str], text: str, run: Callable[[str, list[str]], int]
) -> int:
    """Run the verb of `policyd NAME` in front of `arguments`; return the exit status.

    `verbs` are the verbs with a sentence each; `text` is the help, with ``{verbs}`` where these stand.
    """
    verb, *rest = arguments or [""]
    if verb in verbs:
        return run(verb, rest)
    told = text.format(verbs="\n".join(f"  {word:10}{sentence}" for word, sentence in verbs.items()))
    if verb in ("--help", "-h", "help"):
        print(told, end="")
        return GOOD
    hint = f"no verb {verb!r}{did_you_mean(verb, verbs) or f'; policyd {name} --help lists them'}"
    complain(f"policyd {name}: {hint}" if verb else told.rstrip())
    return USAGE
