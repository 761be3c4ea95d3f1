"""TOML to frozen settings; every mistake says FILE:LINE, what is wrong and what to do.

Law: all mistakes of a file are reported at once, and a file with a mistake gives no settings. The options of a check
are the fields of its own dataclass; this room never learns of them.
"""

from policyd.config.build import build
from policyd.config.load import load, load_again, parse, read
from policyd.config.settings import (
    ChainSettings,
    ControlSettings,
    LogSettings,
    MetricsSettings,
    PolicySettings,
    ServerSettings,
    Settings,
    StoreSettings,
)

DEFAULT_PATH = "/etc/policyd/policyd.toml"

__all__ = [
    "DEFAULT_PATH",
    "ChainSettings",
    "ControlSettings",
    "LogSettings",
    "MetricsSettings",
    "PolicySettings",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "build",
    "load",
    "load_again",
    "parse",
    "read",
]
