"""Where a service listens, as administrators write it: "inet:127.0.0.1:10030", "inet:[::1]:10030", "unix:/path".

Law: text in, values out; no name is resolved and no socket opened here. Every mistake is a ValueError whose text says
what would have been right. The notation is Postfix's (postconf(5), check_policy_service).
"""

import re
from typing import Final, Literal, NamedTuple

from policyd.model.address import parse_address

MAX_PATH: Final = 107
"""Bytes of a socket's path: the kernel's sun_path has 108, one is the end (unix(7))."""

_INET = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,9})", re.ASCII)
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_LOOKS_NUMERIC = re.compile(r"[0-9.]+", re.ASCII)


class Endpoint(NamedTuple):
    """A place to listen or to connect to. An ``inet`` one has host and port, a ``unix`` one has a path."""

    kind: Literal["inet", "unix"]
    host: str = ""
    """An address without brackets, or a name such as ``localhost``."""
    port: int = 0
    """0 lets the kernel choose."""
    path: str = ""

    def __str__(self) -> str:
        """The endpoint as `parse_endpoint` reads it."""
        if self.kind == "unix":
            return f"unix:{self.path}"
        return f"inet:[{self.host}]:{self.port}" if ":" in self.host else f"inet:{self.host}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """The endpoint in ``inet:HOST:PORT`` or ``unix:/PATH``. Raises ValueError."""
    kind, _, rest = text.partition(":")
    if kind == "unix":
        return _unix(text, rest)
    if kind == "inet":
        return parse_host_and_port(rest, text)
    meant = f"inet:{text}" if _INET.fullmatch(text) else f"unix:{text}" if text.startswith("/") else ""
    examples = f'"{meant}"' if meant else '"inet:127.0.0.1:10030" or "unix:/run/policyd/policy.sock"'
    raise ValueError(f"{text!r} is no place to listen: write {examples}")


def parse_host_and_port(text: str, whole: str = "") -> Endpoint:
    """The ``inet`` endpoint in ``HOST:PORT``; `whole` is what the complaint quotes. Raises ValueError."""
    whole = whole or text
    match = _INET.fullmatch(text)
    if match is None:
        hint = 'an IPv6 address needs brackets, as in "[::1]:10030"' if text.count(":") > 1 else "it needs HOST:PORT"
        raise ValueError(f"{whole!r}: {hint}")
    if not _is_host(match["v6"], match["host"]):
        raise ValueError(
            f"{whole!r}: no address or host name before the port; write 127.0.0.1, [::1], or 0.0.0.0 for all"
        )
    if int(match["port"]) > 65535:
        raise ValueError(f"{whole!r}: no such port, the last one is 65535")
    return Endpoint("inet", host=match["v6"] or match["host"], port=int(match["port"]))


def _is_host(v6: str | None, host: str | None) -> bool:
    if v6 is not None:
        return ":" in v6 and parse_address(v6) is not None
    name = host or ""
    # "127.0.0.300" is a mistyped address, not a name: no top-level domain is a number (RFC 3696 2).
    return parse_address(name) is not None if _LOOKS_NUMERIC.fullmatch(name) else bool(_HOST_NAME.fullmatch(name))


def _unix(text: str, path: str) -> Endpoint:
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ValueError(f'{text!r}: a socket needs a whole path, as in "unix:/run/policyd/policy.sock"')
    if len(path.encode("utf-8", "surrogateescape")) > MAX_PATH:
        raise ValueError(f"{text!r}: the path of a socket has at most {MAX_PATH} bytes; use a shorter one")
    return Endpoint("unix", path=path)
