"""A small configuration with lists, and the command line over it."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from policyd.cli import main

CONFIG = """\
[store]
url = "sqlite:{home}/policyd.db"
[chain]
checks = ["whitelist", "blacklist", "greylist"]
[whitelist]
clients = ["{home}/welcome_clients"]
senders = []
recipients = ["{home}/welcome_recipients"]
[[whitelist.lists]]
recipients = ["{home}/postmasters"]
exempt = ["greylist"]
[blacklist]
clients = ["cidr:{home}/networks"]
helo = []
senders = ["{home}/senders", "access:{home}/sender_access"]
recipients = []
"""


class Said(NamedTuple):
    status: int
    out: str
    err: str


@dataclass
class House:
    home: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, verb: str, *arguments: str) -> Said:
        """What ``policyd list VERB ...`` says with this configuration."""
        status = main(["list", verb, *arguments, "--config", str(self.home / "policyd.toml")])
        return Said(status, *self.capsys.readouterr())

    def write(self, name: str, text: str) -> Path:
        path = self.home / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        return path

    def read(self, name: str) -> str:
        return (self.home / name).read_bytes().decode("utf-8", "surrogateescape")


def build(home: Path, capsys: pytest.CaptureFixture[str]) -> House:
    """The configuration in `home`, its files with nothing but a comment."""
    house = House(home, capsys)
    house.write("policyd.toml", CONFIG.format(home=home))
    for name in ("welcome_clients", "welcome_recipients", "postmasters", "networks", "senders", "sender_access"):
        house.write(name, f"# {name}\n")
    return house
