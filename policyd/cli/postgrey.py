"""`policyd postgrey`: postgrey's own options, so that a service file changes in one word.

Law: options are translated to the same tables that a configuration file has and judged by the same code; nothing
below this file knows postgrey's. Options and defaults are postgrey 1.37's as Debian has it; docs/postgrey.md lists
every difference.
"""

import json
import os
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from policyd import __version__, process
from policyd.cli import DEGRADED, GOOD, complain
from policyd.config import Settings, build
from policyd.config.locate import Place
from policyd.model.errors import ConfigError

Exists = Callable[[str], bool]
Tables = dict[str, dict[str, Any]]

# Debian's place, then the original's.
CLIENTS: Final = ("/etc/postgrey/whitelist_clients", "/etc/postfix/postgrey_whitelist_clients")
RECIPIENTS: Final = ("/etc/postgrey/whitelist_recipients", "/etc/postfix/postgrey_whitelist_recipients")
USER: Final = "postgrey"

_OPTIONS: Final[Mapping[Place, str]] = {
    ("server", "listen"): "--inet, --unix",
    ("server", "socket_mode"): "--socketmode",
    ("server", "backlog"): "--listen-queue-size",
    ("server", "hostname"): "--hostname",
    ("store", "url"): "--dbdir",
    ("log", "facility"): "--syslog-facility",
    ("greylist", "delay"): "--delay",
    ("greylist", "retry_window"): "--retry-window",
    ("greylist", "max_age"): "--max-age",
    ("greylist", "ipv4_prefix"): "--ipv4cidr",
    ("greylist", "ipv6_prefix"): "--ipv6cidr",
    ("greylist", "auto_whitelist_clients"): "--auto-whitelist-clients",
    ("greylist", "action"): "--greylist-action",
    ("greylist", "text"): "--greylist-text",
    ("greylist", "header_text"): "--x-greylist-header",
}
"""Who is to blame when a translated option is refused."""


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM, in the background with --daemonize. Raises ConfigError."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.inet and not options.unix:
        parser.error("--inet or --unix is needed, as in --inet=10023")
    load = partial(settings_from, options, os.path.exists)
    settings = load()
    if options.print_config:
        print(as_toml(for_a_service(tables_from(options, os.path.exists))), end="")
        return GOOD
    identity = _identity(options.user, options.group)
    from policyd import app

    pid_file = _absolute(options.pidfile) if options.daemonize and options.pidfile else ""  # as postgrey does
    try:
        _take_place(identity, pid_file, is_background=options.daemonize)
    except OSError as error:
        complain(f"policyd postgrey: {error.filename or 'cannot start'}: {error.strerror}")
        return DEGRADED
    try:
        return app.serve(settings, load)
    finally:
        if pid_file:
            process.remove_pid_file(pid_file)


def settings_from(options: Namespace, exists: Exists) -> Settings:
    """The settings that postgrey's options mean. Raises ConfigError, naming the option."""

    def where(place: Place) -> str:
        return f"policyd postgrey: {_OPTIONS.get(place, 'options')}"

    return build(tables_from(options, exists), "the command line", where)


def tables_from(options: Namespace, exists: Exists) -> Tables:
    """The tables of a configuration file that says the same as these options."""
    listen = [_inet(options.inet)] if options.inet else []
    listen += [f"unix:{_absolute(options.unix)}"] if options.unix else []
    return {
        "server": {
            "listen": listen,
            "socket_mode": options.socketmode,
            "close_after_reply": options.exim,
            **_given("backlog", options.listen_queue_size),
            **_given("hostname", options.hostname),
        },
        "store": {"url": f"sqlite:{_absolute(options.dbdir)}/policyd.db", "privacy": options.privacy},
        "chain": {"checks": ["whitelist", "greylist"]},
        "whitelist": {
            "clients": _lists(options.whitelist_clients, CLIENTS, exists),
            "recipients": _lists(options.whitelist_recipients, RECIPIENTS, exists),
        },
        "greylist": _greylist(options),
        "metrics": {"listen": ""},
        "control": {"socket": ""},
        "log": {
            "privacy": options.privacy,
            "destination": "syslog" if options.daemonize else "stderr",
            "facility": options.syslog_facility,
            "level": "warning" if options.quiet else "debug" if options.verbose else "info",
        },
    }


def for_a_service(tables: Tables) -> Tables:
    """The same for `policyd run`, whose unit has a database, a log, metrics and a control socket of its own."""
    own = {("store", "url"), ("metrics", "listen"), ("control", "socket"), ("log", "destination")}
    left = {
        name: {key: value for key, value in table.items() if (name, key) not in own} for name, table in tables.items()
    }
    return {name: table for name, table in left.items() if table}


def as_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of a configuration file with these tables."""
    # What JSON writes of texts, numbers, booleans and lists of texts is TOML too.
    sections = (
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())
        for name, table in tables.items()
    )
    return "\n".join(sections)


def _greylist(options: Namespace) -> dict[str, Any]:
    return {
        "delay": f"{options.delay}s",
        "retry_window": options.retry_window,
        "max_age": f"{options.max_age}d",
        "ipv4_prefix": 32 if options.lookup_by_host else options.ipv4cidr,
        "ipv6_prefix": 128 if options.lookup_by_host else options.ipv6cidr,
        "identities": [],
        "group_after": 0,
        "whole_messages": False,
        "max_new_per_network": 0,
        "auto_whitelist_clients": options.auto_whitelist_clients,
        "action": options.greylist_action.upper(),
        **_given("text", options.greylist_text),
        **_given("header_text", options.x_greylist_header),
    }


def _given(key: str, value: object) -> dict[str, Any]:
    return {} if value is None else {key: value}


def _absolute(path: str) -> str:
    """`path` as it must be named by a process whose directory is /."""
    return str(Path(path).absolute())


def _inet(text: str) -> str:
    """The place that [HOST:]PORT means; `*` is the word of postgrey's library for all addresses."""
    if text.isdecimal():
        return f"inet:127.0.0.1:{text}"
    return f"inet:{re.sub(r'^[*]:', '0.0.0.0:', text)}"


def _lists(given: list[str] | None, defaults: tuple[str, ...], exists: Exists) -> list[str]:
    """The list files to read; the companion FILE.local of each is read by the whitelist."""
    if given is not None:
        return list(dict.fromkeys(map(_absolute, given)))
    # A .local alone is a list like any other.
    found = (path for default in defaults for path in (default, f"{default}.local") if exists(path))
    return list(islice(found, 1))


def _take_place(identity: process.Identity | None, pid_file: str, *, is_background: bool) -> None:
    settled = process.daemonize() if is_background else None
    if pid_file:
        process.write_pid_file(pid_file)
    if identity is not None:
        process.become(identity)
    os.umask(0o077)
    if settled is not None:
        settled()


def _identity(user: str | None, group: str | None) -> process.Identity | None:
    """Whom to become; None to stay who we are, which is all that anybody but root can do. Raises ConfigError."""
    is_root = os.geteuid() == 0
    if not is_root and not user:
        return None
    try:
        identity = process.find_identity(user or USER, group or "")
    except ValueError as error:
        raise ConfigError([f"policyd postgrey: --user, --group: {error}"]) from None
    if not is_root and identity.uid != os.geteuid():
        raise ConfigError([f"policyd postgrey: --user: only root can become {user}; start this as root, or as {user}"])
    return identity if is_root else None


def _retry_window(text: str) -> str:
    if not re.fullmatch(r"[0-9]+[hH]?", text, re.ASCII):
        raise ArgumentTypeError(f'{text!r} is neither a number of days nor a number of hours with an h, as in "48h"')
    return text.lower() if text[-1] in "hH" else f"{text}d"


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "policyd postgrey",
        usage="policyd postgrey --inet=[HOST:]PORT [OPTIONS]",
        description="Serve in postgrey's place, with its options. What they mean for policyd: docs/postgrey.md.",
    )
    _add_process_options(parser)
    _add_greylist_options(parser)
    return parser


def _add_process_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--version", action="version", version=f"policyd {__version__}")
    add("-v", "--verbose", action="store_true", help="log more")
    add("-q", "--quiet", action="store_true", help="log only warnings and errors")
    add("-u", "--unix", metavar="PATH", help="listen on a unix socket")
    add("--socketmode", metavar="MODE", default="0666", help="its permissions; default: %(default)s")
    add("-i", "--inet", metavar="[HOST:]PORT", help="listen on a port; without HOST: of the local host")
    add("-d", "--daemonize", action="store_true", help="run in the background, log to syslog")
    add("--pidfile", metavar="PATH", help="with -d, the process number is written there")
    add("--user", help=f"run as this user; default: {USER}")
    add("--group", help="run as this group; default: the user's")
    add("--dbdir", metavar="DIR", default="/var/lib/postgrey", help="the database lies there; default: %(default)s")
    add("--hostname", metavar="NAME", help="this host in headers; default: the system's name")
    add("--exim", action="store_true", help="close each connection after one answer")
    add("--privacy", action="store_true", help="keep and log keyed hashes, not addresses")
    add("--syslog-facility", "--syslogfacility", "--facility", metavar="NAME", default="mail",
        help="default: %(default)s")  # fmt: skip
    add("--listen-queue-size", metavar="N", type=int, help="connections that may wait to be accepted")
    add(
        "--print-config", action="store_true", help="print a policyd.toml for `policyd run` that says the same, and end"
    )


def _add_greylist_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--delay", metavar="N", type=int, default=300, help="seconds to wait; default: %(default)s")
    add("--max-age", metavar="N", type=int, default=35, help="days to remember; default: %(default)s")
    add("--retry-window", metavar="N[h]", type=_retry_window, default="2",
        help="days (or hours) in which the second try must come; default: 2")  # fmt: skip
    add("--greylist-action", metavar="A", default="DEFER_IF_PERMIT", help="default: %(default)s")
    add("--greylist-text", metavar="TEXT", help="what the client is told; %%s: seconds left, %%r: recipient's domain")
    add("--lookup-by-subnet", action="store_true", help="look at the client's network, not its address (as always)")
    add("--lookup-by-host", action="store_true", help="look at the client's whole address")
    add("--ipv4cidr", metavar="N", type=int, default=24, help="bits of an IPv4 network; default: %(default)s")
    add("--ipv6cidr", metavar="N", type=int, default=64, help="bits of an IPv6 network; default: %(default)s")
    add("--whitelist-clients", metavar="FILE", action="append", help=f"may be repeated; default: {CLIENTS[0]}")
    add("--whitelist-recipients", metavar="FILE", action="append", help=f"may be repeated; default: {RECIPIENTS[0]}")
    add("--auto-whitelist-clients", metavar="N", type=int, nargs="?", const=5, default=5,
        help="after N triplets a network is not greylisted any more; 0: never; default: %(default)s")  # fmt: skip
    add("--x-greylist-header", metavar="TEXT", help="%%t: seconds, %%v: version, %%h: host, %%d: date")
