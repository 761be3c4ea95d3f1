"""Command lines of postgrey services, and what they mean here."""

import os
import re
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policyd import app, process
from policyd.cli import main
from policyd.cli.postgrey import CLIENTS, RECIPIENTS, _parser, as_toml, for_a_service, settings_from, tables_from
from policyd.config import Settings, parse
from policyd.model.errors import ConfigError

ROOT = Path(__file__).parents[2]
BY_DEFAULT = {CLIENTS[0], f"{CLIENTS[0]}.local", RECIPIENTS[0]}


def options(line: str) -> Namespace:
    return _parser().parse_args(line.split())


def settings(line: str, existing: set[str] = BY_DEFAULT) -> Settings:
    return settings_from(options(line), existing.__contains__)


def value(found: Settings, path: str) -> Any:
    section, _, key = path.partition(".")
    return getattr(found.checks[section] if section in found.checks else getattr(found, section), key)


def test_debians_own_line() -> None:
    found = settings("--inet=10023")
    assert found.server.listen == ("inet:127.0.0.1:10023",)
    assert found.store.url == "sqlite:/var/lib/postgrey/policyd.db"
    assert found.chain.checks == ("whitelist", "greylist")
    assert found.checks["whitelist"].clients == ("/etc/postgrey/whitelist_clients",)
    assert found.checks["whitelist"].recipients == ("/etc/postgrey/whitelist_recipients",)
    greylist = found.checks["greylist"]
    assert (greylist.delay, greylist.retry_window, greylist.max_age) == (300, 2 * 86400, 35 * 86400)
    assert (greylist.ipv4_prefix, greylist.ipv6_prefix) == (24, 64)
    assert (greylist.auto_whitelist_clients, greylist.action) == (5, "DEFER_IF_PERMIT")
    # What postgrey does not have.
    assert (greylist.identities, greylist.group_after, greylist.when) == ((), 0, "always")
    assert (greylist.whole_messages, greylist.max_new_per_network, greylist.replies) == (False, 0, "off")
    assert found.metrics.listen == ""
    assert (found.log.format, found.log.destination, found.log.level) == ("postgrey", "stderr", "info")
    assert (found.log.privacy, found.store.privacy, found.server.close_after_reply) == (False, False, False)


@pytest.mark.parametrize(
    ("line", "option", "wanted"),
    [
        ("--inet=10023 --delay=300", "greylist.delay", 300),
        ("--inet=10023 --delay 60", "greylist.delay", 60),
        ("--inet=10023 --delay=0", "greylist.delay", 0),
        ("-i 10023", "server.listen", ("inet:127.0.0.1:10023",)),
        ("-i=10023", "server.listen", ("inet:127.0.0.1:10023",)),
        ("--inet=127.0.0.1:10023", "server.listen", ("inet:127.0.0.1:10023",)),
        ("--inet=localhost:60000", "server.listen", ("inet:localhost:60000",)),
        ("--inet=*:10023", "server.listen", ("inet:0.0.0.0:10023",)),
        ("--inet=[::1]:10023", "server.listen", ("inet:[::1]:10023",)),
        ("--unix=/run/postgrey/socket", "server.listen", ("unix:/run/postgrey/socket",)),
        ("-u /run/postgrey/socket", "server.listen", ("unix:/run/postgrey/socket",)),
        ("--unix=/s --inet=1", "server.listen", ("inet:127.0.0.1:1", "unix:/s")),
        ("--unix=/s", "server.socket_mode", 0o666),
        ("--unix=/s --socketmode=0660", "server.socket_mode", 0o660),
        ("--inet=1 --listen-queue-size=999", "server.backlog", 999),
        ("--inet=1", "server.backlog", 512),
        ("--inet=1 --exim", "server.close_after_reply", True),
        ("--inet=1 --hostname=mx.example.org", "server.hostname", "mx.example.org"),
        ("--inet=1 --dbdir=/srv/pg/", "store.url", "sqlite:/srv/pg/policyd.db"),
        ("--inet=1 --privacy", "store.privacy", True),
        ("--inet=1 --privacy", "log.privacy", True),
        ("--inet=1 --retry-window=4", "greylist.retry_window", 4 * 86400),
        ("--inet=1 --retry-window=48h", "greylist.retry_window", 48 * 3600),
        ("--inet=1 --retry-window=6H", "greylist.retry_window", 6 * 3600),
        ("--inet=1 --max-age=60", "greylist.max_age", 60 * 86400),
        ("--inet=1 --greylist-action=451", "greylist.action", "451"),
        ("--inet=1 --greylist-action=defer_if_permit", "greylist.action", "DEFER_IF_PERMIT"),
        ("--inet=1 --greylist-text=%s", "greylist.text", "%s"),
        ("--inet=1 --lookup-by-subnet --ipv4cidr=16", "greylist.ipv4_prefix", 16),
        ("--inet=1 --ipv6cidr=48", "greylist.ipv6_prefix", 48),
        ("--inet=1 --lookup-by-host", "greylist.ipv4_prefix", 32),
        ("--inet=1 --lookup-by-host", "greylist.ipv6_prefix", 128),
        ("--inet=1 --auto-whitelist-clients", "greylist.auto_whitelist_clients", 5),
        ("--auto-whitelist-clients --inet=1", "greylist.auto_whitelist_clients", 5),
        ("--inet=1 --auto-whitelist-clients=10", "greylist.auto_whitelist_clients", 10),
        ("--inet=1 --auto-whitelist-clients=0", "greylist.auto_whitelist_clients", 0),
        ("--inet=1 --whitelist-clients=/a --whitelist-clients=/b", "whitelist.clients", ("/a", "/b")),
        ("--inet=1 --whitelist-recipients=/r", "whitelist.recipients", ("/r",)),
        ("--inet=1 --whitelist-recipients=/r", "whitelist.clients", (CLIENTS[0],)),
        ("--inet=1 --syslog-facility=local3", "log.facility", "local3"),
        ("--inet=1 --facility=local3", "log.facility", "local3"),
        ("--inet=1 -d", "log.destination", "syslog"),
        ("--inet=1 --daemonize", "log.destination", "syslog"),
        ("--inet=1 -v", "log.level", "debug"),
        ("--inet=1 --verbose", "log.level", "debug"),
        ("--inet=1 -q", "log.level", "warning"),
        ("--inet=1 --quiet --verbose", "log.level", "warning"),
        ("--ine=1 --del=7 --auto-wh=3", "greylist.delay", 7),
        ("--pidfile=/run/postgrey.pid --daemonize --inet=127.0.0.1:9", "server.listen", ("inet:127.0.0.1:9",)),
        ("-d --unix=/var/spool/postfix/postgrey/socket --user=postgrey --group=postgrey", "log.facility", "mail"),
    ],
)  # fmt: skip
def test_service_command_lines(line: str, option: str, wanted: object) -> None:
    assert value(settings(line), option) == wanted


def test_texts_with_blanks() -> None:
    given = _parser().parse_args(["--inet=1", "--greylist-text=Try again in %s s", "--x-greylist-header=X-Late: %t"])
    greylist = settings_from(given, BY_DEFAULT.__contains__).checks["greylist"]
    assert (greylist.text, greylist.header_text) == ("Try again in %s s", "X-Late: %t")


@pytest.mark.parametrize(
    ("existing", "wanted"),
    [
        (set(), ()),
        ({CLIENTS[0]}, (CLIENTS[0],)),
        ({f"{CLIENTS[0]}.local"}, (f"{CLIENTS[0]}.local",)),
        ({CLIENTS[1]}, (CLIENTS[1],)),
        (set(CLIENTS), (CLIENTS[0],)),
    ],
)
def test_default_lists_are_those_that_exist(existing: set[str], wanted: tuple[str, ...]) -> None:
    assert settings("--inet=1", existing).checks["whitelist"].clients == wanted


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--inet=1 --delay=-1", "policyd postgrey: --delay: [greylist] delay: '-1s' is not a duration"),
        ("--inet=1 --max-age=0", "policyd postgrey: --max-age: [greylist] max_age: 0s is out of range"),
        ("--inet=x", "policyd postgrey: --inet, --unix: [server] listen: 'inet:x': it needs HOST:PORT"),
        (
            "--inet=1 --syslog-facility=post",
            "policyd postgrey: --syslog-facility: [log] facility: 'post' is not one of",
        ),
        ("--inet=1 --greylist-action=REJECT", "policyd postgrey: --greylist-action: [greylist] action: 'REJECT' does"),
        ("--inet=1 --delay=7200 --retry-window=1h", "policyd postgrey: --delay: [greylist] delay: longer than"),
        ("--inet=1 --x-greylist-header=Late", "policyd postgrey: --x-greylist-header: [greylist] header_text:"),
        ("--inet=1 --auto-whitelist-clients=1001", "policyd postgrey: --auto-whitelist-clients: [greylist]"),
    ],
)
def test_mistakes_name_the_option(line: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        settings(line)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--inet or --unix is needed, as in --inet=10023"),
        (["--inet=1", "--retry-window=2d"], "'2d' is neither a number of days nor a number of hours"),
        (["--inet=1", "--delay=5m"], "invalid int value: '5m'"),
        (["--inet=1", "--frob"], "unrecognized arguments: --frob"),
    ],
)
def test_usage_is_2(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["postgrey", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_the_printed_configuration_says_the_same_but_for_what_a_service_has_of_its_own() -> None:
    line = ["--inet=10023", "--unix=/s", "--delay=7", "--whitelist-clients=/a/Grüße", "--privacy"]
    given = _parser().parse_args([*line, "--daemonize", "--dbdir=/d", '--greylist-text=Later, "please" \\ really'])
    printed = parse(as_toml(for_a_service(tables_from(given, BY_DEFAULT.__contains__))), "the command line")
    means, default = settings_from(given, BY_DEFAULT.__contains__), Settings()
    # What the user policyd may not write to, and what the verbs of the command line ask (seen: a mute service).
    assert printed.store == replace(means.store, url=default.store.url)
    assert printed.log == replace(means.log, destination=default.log.destination)
    assert (printed.metrics, printed.control) == (default.metrics, default.control)
    of_its_own = {"store": means.store, "log": means.log, "metrics": means.metrics, "control": means.control}
    assert replace(printed, **of_its_own) == means


def test_printing_the_configuration_serves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "serve", lambda *_: pytest.fail("served"))
    assert main(["postgrey", "--inet=10023", "--print-config"]) == 0
    assert 'delay = "300s"' in capsys.readouterr().out


def test_in_the_foreground_it_serves_like_run_and_reads_the_lists_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def serve(found: Settings, load: Callable[[], Settings]) -> int:
        seen.append((found == load(), found.server.listen))
        return 0

    monkeypatch.setattr(app, "serve", serve)
    monkeypatch.setattr(process, "become", lambda identity: seen.append(identity.uid))
    masks: list[int] = []
    monkeypatch.setattr(os, "umask", masks.append)  # else all tests behind this one would have it
    me = ["--user=root"] if os.geteuid() == 0 else []
    assert main(["postgrey", "--inet=10023", *me]) == 0
    assert masks == [0o077]
    assert seen == [*([0] if me else []), (True, ("inet:127.0.0.1:10023",))]


def test_a_user_that_does_not_exist_is_78(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["postgrey", "--inet=10023", "--user=no-such-user"]) == 78
    assert "there is no user 'no-such-user'" in capsys.readouterr().err


def test_the_manual_names_every_option() -> None:
    manual = (ROOT / "docs/postgrey.md").read_text(encoding="utf-8")
    names = {name for action in _parser()._actions for name in action.option_strings if name.startswith("--")}
    assert sorted(name for name in names if f"`{name}" not in manual) == []
