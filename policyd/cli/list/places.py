"""Which lists the configuration has, and which files they are made of.

Law: lists are found by what the settings of the checks look like (options named after the kinds of lists), in the order
in which the daemon asks; no check is known here by its name.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from policyd import lists
from policyd.cli.list import NotDone
from policyd.config import DEFAULT_PATH, Settings, load
from policyd.policies import stages
from policyd.tables.lists import ListKind, Match, Source, parse_source

OPTIONS: Final[dict[ListKind, str]] = {
    "client": "clients",
    "helo": "helo",
    "sender": "senders",
    "recipient": "recipients",
}
KINDS: Final[tuple[ListKind, ...]] = get_args(ListKind)


class Place(NamedTuple):
    """One list: an option of a check, and the files named there."""

    check: str
    label: str
    """As mistakes name options: ``[blacklist] senders``, ``[[whitelist.lists]] recipients``."""
    kind: ListKind
    sources: tuple[Source, ...]
    is_asked: bool
    """Whether the check stands in ``[chain] checks``."""
    exempt: tuple[str, ...] = ()
    """A match only exempts from these checks; empty: it does what the check does."""

    @property
    def files(self) -> list[Source]:
        """The files that are there, in the order in which they are asked."""
        paths = ((source, path) for source in self.sources for path in lists.files_of(source.path))
        return [source._replace(path=path) for source, path in paths if Path(path).exists()]


def add_config(parser: ArgumentParser) -> None:
    """The option that names the configuration."""
    parser.add_argument("--config", "-c", metavar="FILE", default=DEFAULT_PATH, help="default: %(default)s")


def places_of(options: Namespace) -> list[Place]:
    """The lists of the configuration that the command line names. Raises ConfigError."""
    return places(load(options.config))


def places(settings: Settings) -> list[Place]:
    """The lists of the configuration in the order in which the daemon asks; those that nobody asks come last."""
    asked = stages(settings.chain.checks, settings.policies)
    names = [*asked, *(name for name in settings.checks if name not in asked)]
    return [place._replace(is_asked=name in asked) for name in names for place in _of(name, settings.checks[name])]


def find_place(options: Namespace, kind: ListKind | None, name: str) -> tuple[Place | None, Source]:
    """The list that reads the file `name`, None if no option names it; and the file, in its form.

    A configuration is not needed; one that was not named need not exist. Raises NotDone, ConfigError.
    """
    try:
        named = parse_source(name)
    except ValueError as error:
        raise NotDone(str(error)) from None
    if options.config == DEFAULT_PATH and not Path(DEFAULT_PATH).exists():
        return None, named
    found = [
        (place, source._replace(path=path))
        for place in places_of(options)
        for source in place.sources
        for path in lists.files_of(source.path)
        if path == named.path
    ]
    for place, file in found:
        if kind in (None, place.kind):
            return place, file
    if found:
        raise NotDone(f"{named.path} is a list of kind {found[0][0].kind!r} ({found[0][0].label})")
    return None, named


def section_of(place: Place) -> str:
    """``[blacklist]`` of ``[blacklist] senders``."""
    return place.label.partition(" ")[0]


def as_json(match: Match) -> dict[str, Any]:
    """An entry, as the reading verbs print it for programs."""
    action, window = match.action, match.window
    return {
        "file": match.file,
        "line": match.line,
        "entry": match.entry,
        "action": action and str(action),
        "window": window and str(window),
        "reason": window.note if window else "",
        "by": window.by if window else "",
    }


def _of(check: str, settings: Any) -> Iterator[Place]:
    yield from _of_options(check, f"[{check}]", settings)
    for table in getattr(settings, "lists", ()):
        yield from _of_options(check, f"[[{check}.lists]]", table)


def _of_options(check: str, section: str, options: Any) -> Iterator[Place]:
    exempt: Sequence[str] = getattr(options, "exempt", ())
    for kind, option in OPTIONS.items():
        files = getattr(options, option, None)
        if isinstance(files, tuple):  # not the section [spf.helo]
            sources = tuple(map(parse_source, files))
            yield Place(check, f"{section} {option}", kind, sources, is_asked=True, exempt=tuple(exempt))
