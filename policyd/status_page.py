"""The status page: how the daemon is, in one page of HTML that any browser shows, a text browser too.

Law: pure, a picture of values becomes text. No script, no link to elsewhere, nothing that can be sent; every text is
escaped where it is put in, because names of clients and senders are the attacker's.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final, NamedTuple

from policyd.history import KINDS, MINUTES, Minute

COLOURS: Final = ("#4c9a6a", "#c9a227", "#c97b27", "#b5443c", "#7a7a8c")
HEIGHT: Final = 120
BAR: Final = 6
"""Pixels of a minute."""

_STYLE: Final = """\
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:60rem;padding:0 1rem;color:#1c1c22}
h1{font-size:1.4rem;margin:0 0 .3rem}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
table{border-collapse:collapse;min-width:50%}th{color:#555;font-weight:600}
th,td{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #ddd;vertical-align:top}.n{text-align:right}
svg{width:100%;height:auto;background:#f6f6f8}.serving{color:#2f7a4d}.degraded{color:#b5443c}small{color:#555}
.key{display:inline-block;width:.8rem;height:.8rem;margin:0 .3rem 0 1rem;vertical-align:-.1rem}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#17171c}svg{background:#222228}th,small{color:#aaa}
th,td{border-color:#333}.serving{color:#6fce94}.degraded{color:#ee8379}}"""
_HEAD: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>policyd: {state}</title>'
    '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="30">'
    "<style>{style}</style></head><body>"
)
_FOOT: Final = (
    "<p><small>This page can be read, not written to. Figures for machines are in /metrics.</small></p></body></html>\n"
)


class Picture(NamedTuple):
    """Everything that the page shows."""

    status: Mapping[str, Any]
    """As `policyd status --json` says it."""
    minutes: Sequence[Minute]
    funnel: Mapping[str, int]
    """Greylisting's results since the start."""
    zones: Sequence[Mapping[str, Any]]
    """As `policyd rbl status --json` says it."""
    checks: Sequence[tuple[str, int, float]]
    """Checks: the name, how many requests, the seconds of all of them."""
    decisions: Sequence[tuple[int, Mapping[str, str]]]
    """The last ones, the newest first: when, and the fields of the log, shortened."""
    now: int


def render(picture: Picture) -> str:
    """The whole page."""
    parts = [[part["part"], "; ".join(part["troubles"]) or "good", part["detail"]] for part in picture.status["parts"]]
    checks = [[name, count, _milliseconds(total / count)] for name, count, total in picture.checks]
    decisions = [_decision(at, fields) for at, fields in picture.decisions]
    heads = ("when", "action", "reason", "client", "sender", "recipient", "id")
    return "".join(
        [
            _HEAD.format(state=_text(picture.status["state"]), style=_STYLE),
            _title(picture),
            _table("Parts", ("part", "state", ""), parts),
            _verdicts(picture.minutes),
            _table("Greylisting since the start", ("result", "mails"), [[*row] for row in picture.funnel.items()]),
            _zones(picture.zones),
            _table("Checks, the slowest first", ("check", "requests", "mean"), checks),
            _table("Last decisions", heads, decisions),
            _FOOT,
        ]
    )


def _title(picture: Picture) -> str:
    status, state = picture.status, _text(picture.status["state"])
    figures = f"{status['requests']} requests, {status['connections']} connections; {_time(picture.now)}"
    about = f"version {status['version']} on {status['places']}, up {timedelta(seconds=status['uptime'])}, {figures}"
    why = f"<p>{_text(status['why'])}</p>" if status["why"] else ""
    return f'<h1>policyd is <span class="{state}">{state}</span></h1>{why}<p><small>{_text(about)}</small></p>'


def _zones(zones: Sequence[Mapping[str, Any]]) -> str:
    names = ("zone", "state", "answered", "listed", "unknown")
    rows = [[*(each[name] for name in names), _milliseconds(each["latency"])] for each in zones]
    return _table("DNS lists", ("list", "state", "answers", "listed", "unknown", "latency"), rows)


def _milliseconds(seconds: float | None) -> str:
    milliseconds = (seconds or 0) * 1000
    return f"{milliseconds:.1f} ms" if milliseconds >= 1 else f"{milliseconds:.2g} ms"


def shortened(fields: Mapping[str, str]) -> dict[str, str]:
    """A decision that names nobody: the network of the client, one letter before each @."""
    short = dict(fields)
    for name in ("sender", "recipient"):
        local, at, domain = fields.get(name, "").rpartition("@")
        if at:
            short[name] = f"{local[:1]}…@{domain}"
    address = fields.get("client_address", "")
    if ":" in address:
        short["client_address"] = ":".join(address.split(":")[:3]) + ":…"
    elif address.count(".") == 3:
        short["client_address"] = address.rpartition(".")[0] + ".…"
    short["client_name"] = "…." + ".".join(fields.get("client_name", "").split(".")[-2:])
    return short


def _decision(at: int, fields: Mapping[str, str]) -> list[object]:
    """One row. What shadow mode did not do stands behind the action."""
    names = ("action", "reason", "client_address", "sender", "recipient", "id")
    row = [fields.get(name, "") for name in names]
    if "would" in fields:
        row[0] += f" (would be {fields['would'].partition(' ')[0]})"
    return [_time(at), *row]


def _verdicts(minutes: Sequence[Minute]) -> str:
    """Bars, a minute each, and the same in words for those who see no pictures."""
    most = max((sum(minute.counts) for minute in minutes), default=0) or 1
    bars = "".join(_bar(place, minute, most) for place, minute in enumerate(minutes, MINUTES - len(minutes)))
    colours = zip(KINDS, COLOURS, strict=True)
    keys = "".join(f'<span class="key" style="background:{colour}"></span>{kind}' for kind, colour in colours)
    words = f"the last {MINUTES} minutes, at most {most} a minute"
    picture = f'<svg viewBox="0 0 {MINUTES * BAR} {HEIGHT}" role="img" aria-label="{words}">{bars}</svg>'
    rows = [[f"last {span} min", *_sums(minutes[-span:])] for span in (1, 10, 60, MINUTES)]
    title = f"<h2>Answers by the minute</h2>{picture}<p><small>{words}{keys}</small></p>"
    return title + _table("", ("", *KINDS), rows)


def _bar(place: int, minute: Minute, most: int) -> str:
    top, shapes = float(HEIGHT), []
    for count, colour in zip(minute.counts, COLOURS, strict=True):
        height = count * HEIGHT / most
        top -= height
        size = f'width="{BAR - 1}" height="{height:.1f}"'
        if count:
            shapes.append(f'<rect x="{place * BAR}" y="{top:.1f}" {size} fill="{colour}"/>')
    return "".join(shapes)


def _sums(minutes: Iterable[Minute]) -> list[int]:
    return [sum(column) for column in zip(*(minute.counts for minute in minutes), strict=True)] or [0] * len(KINDS)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table, nothing if it has no rows."""
    if not rows:
        return ""
    name = f"<h2>{_text(title)}</h2>" if title else ""
    head = "".join(f"<th{_aligned(value)}>{_text(each)}</th>" for each, value in zip(heads, rows[0], strict=True))
    body = "".join(f"<tr>{''.join(_cell(each) for each in row)}</tr>" for row in rows)
    return f"{name}<table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    return f"<td{_aligned(value)}>{_text(value)}</td>"


def _aligned(value: object) -> str:
    return ' class="n"' if isinstance(value, int) else ""


def _text(value: object) -> str:
    return escape("".join(char if char.isprintable() else "?" for char in str(value)))


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"
