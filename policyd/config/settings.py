"""The settings of the house, section by section: frozen, with their defaults.

Law: a field is an option, its type says how it is written, its metadata what it may be (convert.py lists the words).
The options of a check are not here: they are the fields of that check's own dataclass, found through
policyd.checks.REGISTRY.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from policyd.checks import REGISTRY
from policyd.config.suggest import did_you_mean
from policyd.lookups.dns.settings import DnsSettings
from policyd.model.endpoint import parse_endpoint, parse_host_and_port
from policyd.model.units import FileMode, Seconds
from policyd.policies import NULL_SENDER, Policy, parse_key
from policyd.tables.windows import Window, make_window

PATIENCE: Final = 0.9
"""The share of a request's time that its checks may wait for the network: who asks nobody must still be asked."""
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)

Facility = Literal[
    "auth", "cron", "daemon", "kern", "lpr", "mail", "news", "syslog", "user", "uucp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip


def _check_hostname(name: str) -> None:
    if name and not _HOST_NAME.fullmatch(name):
        raise ValueError(f'{name!r} is no host name; write it as in "mx.example.org", or "" for the system\'s')


def _check_metrics_listen(text: str) -> None:
    if text.startswith("inet:"):
        raise ValueError(f'{text!r}: write it without inet:, as in "127.0.0.1:9130"')
    if text.startswith("unix:"):
        parse_endpoint(text)
    elif text:
        parse_host_and_port(text)


def _check_control_socket(path: str) -> None:
    if path.startswith("unix:"):
        raise ValueError(f'{path!r}: write it without unix:, as in "{path.removeprefix("unix:")}"')
    if path and (not path.startswith("/") or path.endswith("/")):
        raise ValueError(f'{path!r}: write a whole path, as in "/run/policyd/control.sock"')
    if path:
        parse_endpoint(f"unix:{path}")


def _check_store_url(url: str) -> None:
    # The text is never repeated here: a URL of a later version may hold a password.
    scheme, _, rest = url.partition(":")
    if url == "memory:" or (scheme == "sqlite" and rest.startswith("/") and not rest.startswith("//")):
        return
    if scheme == "sqlite":
        raise ValueError('needs a whole path behind sqlite:, as in "sqlite:/var/lib/policyd/policyd.db"')
    if scheme.partition("+")[0] in ("redis", "rediss", "valkey"):
        raise ValueError('Redis and Valkey are not in this version; write "sqlite:/PATH", or "memory:" to keep nothing')
    raise ValueError('names no store of this version; write "sqlite:/PATH", or "memory:" to keep nothing')


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        try:
            meant = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f'{text!r} is no network; write it as in "192.0.2.0/24" or "2001:db8::/32"') from None
        raise ValueError(f'{text!r} has bits set behind its prefix; write "{meant}"') from None


def _check_name(name: str) -> None:
    if name not in REGISTRY:
        raise ValueError(f"no check is named {name!r}{did_you_mean(name, REGISTRY)}")


def _check_recipient(text: str) -> None:
    if parse_key(text) == NULL_SENDER:
        raise ValueError(f"{text!r} is the sender of bounces; write it under senders")


def _check_policy_name(name: str) -> None:
    if len(name) > 64 or not name.isprintable():
        raise ValueError("is no name; write at most 64 characters that can be seen")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`: where Postfix asks, and the limits of asking."""

    listen: tuple[str, ...] = field(
        default=("inet:127.0.0.1:10030",), metadata={"check": parse_endpoint, "nonempty": True, "unique": True}
    )
    socket_mode: FileMode = field(default=FileMode(0o660))
    """Permissions of unix sockets."""
    socket_user: str = ""
    socket_group: str = ""
    """Owners of unix sockets; "" leaves them to the kernel."""
    backlog: int = field(default=512, metadata={"min": 1, "max": 65535})
    """Connections that wait to be accepted; the kernel cuts it at net.core.somaxconn."""
    request_deadline: Seconds = field(
        default=Seconds(8), metadata={"min": 1, "max": 50, "why": "Postfix itself gives up after 100 s"}
    )
    max_connections: int = field(default=4096, metadata={"min": 1, "max": 1_000_000})
    close_after_reply: bool = False
    """Hang up after each answer: Exim waits for that, Postfix must not see it."""
    hostname: str = field(default="", metadata={"check": _check_hostname})
    """This host in the headers of policyd; "" asks the system."""

    @property
    def patience(self) -> float:
        """Seconds that all checks of a request together may wait."""
        return PATIENCE * self.request_deadline


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """`[store]`: where greylisting remembers."""

    url: str = field(default="sqlite:/var/lib/policyd/policyd.db", metadata={"check": _check_store_url})
    durability: Literal["normal", "full"] = "normal"
    """"full": a deferral is on the disk before it is answered; "normal": it survives our end, not a power failure."""
    max_entries: int = field(default=2_000_000, metadata={"min": 1000})
    """Triplets and clients; the oldest give way."""
    privacy: bool = False
    """Keep keyed hashes of triplets in place of addresses."""


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """`[chain]`: which checks, in which order, and whom they are not asked about."""

    checks: tuple[str, ...] = field(
        default=("whitelist", "blacklist", "greylist"), metadata={"check": _check_name, "unique": True}
    )
    mode: Literal["enforce", "shadow"] = "enforce"
    """"shadow": everything is judged and told, and every mail goes on."""
    trusted_networks: tuple[str, ...] = field(
        default=("127.0.0.0/8", "::1"), metadata={"check": _check_network, "unique": True}
    )


@dataclass(frozen=True, slots=True)
class Common:
    """What the section of every check has beside its own options: when it is asked at all, and whether it is heard."""

    mode: Literal["enforce", "shadow"] = "enforce"
    """"shadow": the check judges and remembers, and nothing it says is done."""
    hours: str = ""
    days: str = ""
    tz: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no time."""
        self.window()

    def window(self) -> Window:
        """The time in which the check is asked."""
        return make_window(hours=self.hours, days=self.days, tz=self.tz)


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """One `[[policy]]`: for whom and when, and what is different then."""

    name: str = field(default="", metadata={"check": _check_policy_name})
    recipients: tuple[str, ...] = field(default=(), metadata={"check": _check_recipient, "unique": True})
    senders: tuple[str, ...] = field(default=(), metadata={"check": parse_key, "unique": True})
    """Both as in lists of recipients; empty: everybody."""
    from_: str = ""
    until: str = ""
    hours: str = ""
    days: str = ""
    tz: str = ""
    checks: tuple[str, ...] | None = field(default=None, metadata={"check": _check_name, "unique": True})
    """These and no others are asked. None: those of `[chain]`, with `on` and without `off`."""
    on: tuple[str, ...] = field(default=(), metadata={"check": _check_name, "unique": True})
    off: tuple[str, ...] = field(default=(), metadata={"check": _check_name, "unique": True})
    delay: Seconds | None = field(default=None, metadata={"min": 0, "max": 86400})
    """Of greylisting. None: that of `[greylist]`."""
    when: Literal["always", "suspicious"] | None = None
    """Of greylisting, too."""

    def __post_init__(self) -> None:
        """Refuse what each option alone cannot show."""
        self.window()
        if self.checks is not None and (self.on or self.off):
            raise ValueError("checks: says already which checks are asked; write this, or on and off")
        if both := set(self.on) & set(self.off):
            raise ValueError(f"off: {min(both)!r} is switched on, too; write it once")

    def window(self) -> Window:
        """The time in which the policy counts."""
        return make_window(since=self.from_, until=self.until, hours=self.hours, days=self.days, tz=self.tz)

    def policy(self, asked: Iterable[str], name: str) -> Policy:
        """The policy under this `name`; `asked` are the checks of `[chain]`."""
        relative = (set(asked) | set(self.on)) - set(self.off)
        return Policy(
            name,
            tuple(map(parse_key, self.recipients)),
            frozenset(map(parse_key, self.senders)),
            self.window(),
            frozenset(relative if self.checks is None else self.checks),
            self.delay,
            self.when,
        )


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """`[metrics]`: where Prometheus asks."""

    listen: str = field(default="127.0.0.1:9130", metadata={"check": _check_metrics_listen})
    """``HOST:PORT`` or ``unix:/PATH``; "" is off."""
    show_addresses: bool = False
    """Whether the status page names clients, senders and recipients in full."""


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """`[control]`: where administrators ask (`policyd status` and others)."""

    socket: str = field(default="/run/policyd/control.sock", metadata={"check": _check_control_socket})
    """A socket file, for root and the daemon's own user; "" is off."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`[log]`: what the log says, and where it goes."""

    format: Literal["postgrey", "json"] = "postgrey"
    privacy: bool = False
    """Keyed hashes in place of names and addresses."""
    destination: Literal["stderr", "syslog"] = "stderr"
    facility: Facility = "mail"
    level: Literal["debug", "info", "warning"] = "info"


def _default_checks() -> Mapping[str, Any]:
    return {name: kind.settings() for name, kind in REGISTRY.items()}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an administrator may set."""

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    chain: ChainSettings = ChainSettings()
    dns: DnsSettings = field(default_factory=DnsSettings)
    metrics: MetricsSettings = MetricsSettings()
    control: ControlSettings = ControlSettings()
    log: LogSettings = LogSettings()
    policies: tuple[Policy, ...] = ()
    checks: Mapping[str, Any] = field(default_factory=_default_checks)
    """The settings of every check there is, in the chain or not, by its name: instances of its own dataclass."""
    shadowed: frozenset[str] = frozenset()
    """Names of the checks in shadow mode."""
    windows: Mapping[str, Window] = field(default_factory=dict)
    """When a check is asked, by its name; those that are asked always are not in here."""
    source: str = ""
    """The file they come from."""

    @property
    def hostname(self) -> str:
        """The name of this host in headers; "" when nobody gave it one."""
        return self.server.hostname


SECTIONS: Final[Mapping[str, type]] = {
    "server": ServerSettings,
    "store": StoreSettings,
    "chain": ChainSettings,
    "dns": DnsSettings,
    "metrics": MetricsSettings,
    "control": ControlSettings,
    "log": LogSettings,
    **{name: kind.settings for name, kind in REGISTRY.items()},
}
"""The dataclass of every section that a file may have. Those of checks have the options of `Common`, too."""

ARRAYS: Final[Mapping[str, type]] = {"policy": PolicySettings}
"""The dataclass of every section that a file may have several of: ``[[policy]]``."""
