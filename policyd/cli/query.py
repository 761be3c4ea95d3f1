"""`policyd query`: one question to a running daemon (or to any policy service), as Postfix would ask it.

Law: what is sent is what Postfix sends, every attribute in Postfix's order; no value can bring in an attribute of its
own. What comes back is somebody else's text: bounded, and escaped before a terminal sees it. What explains it is read
from the configuration and the lists on this machine, by the daemon's own code; the daemon itself says nothing more.
"""

import json
import os
import socket
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from contextlib import closing
from typing import Final

from policyd.cli import DEGRADED, GOOD, NOT_RUNNING, complain, shown
from policyd.cli._numbers import seconds
from policyd.model.address import parse_address
from policyd.model.endpoint import Endpoint, parse_endpoint

MAX_REPLY: Final = 64 << 10
"""Bytes. Postfix's own line limit is 2,048; whoever sends more is no policy service."""
STATES: Final = ("CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN")


class NoAnswer(Exception):
    """The service took the question and gave no answer."""


def main(arguments: list[str]) -> int:
    """Print the action line; the exit status is 0, 1 (no answer) or 3 (nobody there)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.explain and options.json:
        parser.error("--explain is for people; programs ask policyd list test --json")
    attributes = attributes_of(options, f"{os.getpid():x}.{time.time_ns() // 1000:x}.0")
    status = _answer(options, attributes)
    if options.explain:
        from policyd.cli._explanation import explain

        explain(options.config, encode(attributes), int(time.time()))
    return status


def _answer(options: Namespace, attributes: Mapping[str, str]) -> int:
    """Print the answer, or say why there is none; return the exit status."""
    try:
        with closing(_connect(options.connect, options.timeout)) as connection:
            reply = ask(connection, encode(attributes), options.timeout)
    except NoAnswer as error:
        complain(f"policyd query: {options.connect} {error}")
        return DEGRADED
    except OSError as error:
        complain(f"policyd query: nobody answers at {options.connect}: {error.strerror or error}; {_advice(error)}")
        return NOT_RUNNING
    print(_as_json(reply) if options.json else f"action={reply}")
    return GOOD


def attributes_of(options: Namespace, instance: str) -> dict[str, str]:
    """The attributes in the order in which Postfix 3.7 sends them."""
    return {
        "request": "smtpd_access_policy",
        "protocol_state": options.state,
        "protocol_name": "ESMTP",
        "client_address": options.client,
        "client_name": options.client_name,
        "client_port": "0",
        "reverse_client_name": options.reverse_client_name or options.client_name,
        "server_address": "127.0.0.1",
        "server_port": "25",
        "helo_name": options.helo if options.helo is not None else options.client_name,
        "sender": options.sender,
        "recipient": options.recipient,
        "recipient_count": "0",
        "queue_id": "",
        "instance": options.instance or instance,
        "size": "0",
        "etrn_domain": "",
        "stress": "",
        "sasl_method": "PLAIN" if options.sasl_username else "",
        "sasl_username": options.sasl_username,
        "sasl_sender": "",
        "ccert_subject": "",
        "ccert_issuer": "",
        "ccert_fingerprint": "",
        "ccert_pubkey_fingerprint": "",
        "encryption_protocol": "",
        "encryption_cipher": "",
        "encryption_keysize": "0",
        "policy_context": options.policy_context,
    }


def encode(attributes: Mapping[str, str]) -> bytes:
    """The request as bytes; the values come from `_value` and hold no line end."""
    lines = "".join(f"{name}={value}\n" for name, value in attributes.items())
    return f"{lines}\n".encode("utf-8", "surrogateescape")


def ask(connection: socket.socket, request: bytes, timeout: float) -> str:
    """The action that `connection` answers to `request`. Raises NoAnswer, OSError."""
    deadline = time.monotonic() + timeout
    connection.sendall(request)
    received = b""
    while b"\n\n" not in received.replace(b"\r\n", b"\n"):
        try:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            data = connection.recv(4096)
        except TimeoutError:
            raise NoAnswer(f"gave no answer in {timeout:g} s; its log may say why") from None
        except ConnectionError:
            data = b""
        if not data or len(received) > MAX_REPLY:
            raise NoAnswer("hung up without an answer; its log says why" if not data else "answers without an end")
        received += data
    return _action(received)


def _action(reply: bytes) -> str:
    for line in reply.splitlines():
        if line.startswith(b"action="):
            return shown(line.removeprefix(b"action=").decode("utf-8", "backslashreplace"))
    raise NoAnswer("sent something that is no answer to a policy request; is it the right port?")


def _connect(endpoint: Endpoint, timeout: float) -> socket.socket:
    if endpoint.kind == "inet":
        return socket.create_connection((endpoint.host, endpoint.port), timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(endpoint.path)
    except OSError:
        connection.close()
        raise
    return connection


def _advice(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "ask as root, or as a user of the socket's group"
    return "start policyd, or say with --connect where it listens ([server] listen)"


def _as_json(reply: str) -> str:
    action, _, text = reply.partition(" ")
    return json.dumps({"action": action, "text": text})


def _value(text: str) -> str:
    if "\n" in text or "\r" in text or "\0" in text:
        raise ArgumentTypeError("a value cannot hold a line end or a NUL")
    return text


def _client(text: str) -> str:
    if text != "unknown" and parse_address(text) is None:
        raise ArgumentTypeError(f"{text!r} is no IP address (a host's name goes to --client-name)")
    return text


def _place(text: str) -> Endpoint:
    try:
        return parse_endpoint(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def add_request_options(parser: ArgumentParser, *, is_required: bool) -> None:
    """The options that say what a mail brings; `attributes_of` makes a request of them."""
    add = parser.add_argument
    add("--client", metavar="ADDR", type=_client, required=is_required, help="the client's IP address, or unknown")
    add("--client-name", metavar="NAME", type=_value, default="unknown", help="its verified name; default: %(default)s")
    add("--reverse-client-name", metavar="NAME", type=_value, help="its unverified name; default: the verified one")
    add("--helo", metavar="NAME", type=_value, help="what it said in HELO; default: its verified name")
    add(
        "--sender", metavar="ADDR", type=_value, required=is_required, help='the envelope sender; "" is the null sender'
    )
    add("--recipient", metavar="ADDR", type=_value, required=is_required, help="the envelope recipient")
    add("--sasl-username", metavar="NAME", type=_value, default="", help="the login of the client")
    add("--instance", metavar="ID", type=_value, help="the same for all recipients of a message; default: a new one")
    add("--policy-context", metavar="TEXT", type=_value, default="", help="policy_context of this service in main.cf")
    add("--state", choices=STATES, default="RCPT", help="the stage of the SMTP dialogue; default: %(default)s")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "policyd query",
        usage="policyd query --client ADDR --sender ADDR --recipient ADDR [OPTIONS]",
        description="Ask a policy service one question, as Postfix would, and print its answer. "
        "The question counts: greylisting remembers it.",
    )
    add = parser.add_argument
    add("--connect", metavar="PLACE", type=_place, default="inet:127.0.0.1:10030",
        help="inet:HOST:PORT or unix:PATH; default: %(default)s")  # fmt: skip
    add_request_options(parser, is_required=True)
    add("--timeout", metavar="SECONDS", type=seconds, default=10.0, help="default: %(default)g")
    add("--json", action="store_true", help="print one JSON object")
    add("--explain", action="store_true",
        help="say, too, which checks are asked, which [[policy]] counts, and which lines of lists match")  # fmt: skip
    add("--config", "-c", metavar="FILE", help="what --explain reads; default: the one that the daemon reads")
    return parser
