"""The control socket: what an administrator asks of a running daemon, and its answers.

Law: never on the path of a mail; bounded in clients, bytes and time. One line of JSON asks, as
``{"verb": "status", "arguments": {}}``, one line answers, ``{"result": ...}`` or ``{"error": "...", "mistakes": []}``;
any number of times. The file's mode (0600) is the lock: root and the daemon's own user. What a verb does is not known
here; the composition root brings the handlers.
"""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from policyd import sockets
from policyd.model.endpoint import Endpoint
from policyd.model.errors import ConfigError, Refused

MAX_CLIENTS: Final = 16
"""Administrators at a time; each of them is a process started by hand, or a monitoring system's."""
MAX_QUESTION: Final = 64 << 10
"""Bytes of a question: a log line of 8 KiB and its wrapping fit many times."""
MAX_ANSWER: Final = 8 << 20
"""Bytes of an answer: writing it as JSON holds up the loop, some 10 ms for each MiB (measured)."""
IDLE: Final = 300.0
"""Seconds for which a client may ask nothing; `policyd top` asks every second."""
PATIENCE: Final = 600.0
"""Seconds for one answer: a reload may have to read a million lines of lists."""

Arguments = Mapping[str, Any]
Handler = Callable[[Arguments], object | Awaitable[object]]
"""Answers one verb with plain values (JSON), now or later. Raises Refused with a sentence for the administrator."""

_log = logging.getLogger("policyd")


class Control:
    """A server for the verbs that `handlers` has."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._path = ""
        self._said = ""
        """Why it could not be had at the last try."""
        self._server: sockets.FileServer | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def listen(self, path: str) -> None:
        """Listen on a socket file at `path` and nowhere else; "" is nowhere. Those who are connected stay.

        A place that cannot be had is a line in the log and no more: mail is served all the same.
        """
        if path == self._path and (self._server is not None or not path):
            return
        self._unlisten()
        self._path, self._said = path, ""
        if path:
            await self._try()

    async def look_after(self) -> None:
        """Make the file anew if it was removed, or could not be had; to be called every few seconds."""
        if self._server is not None and not self._server.is_there:
            _log.warning("unix:%s: its file was removed or replaced; it is made anew", self._path)
            self._unlisten()
        if self._server is None and self._path:
            await self._try()

    async def _try(self) -> None:
        try:
            await self._start(self._path)
        except OSError as error:
            if str(error) != self._said:
                _log.warning("%s; mail is served, but `policyd status` and its like find nobody", error)
            self._said = str(error)

    async def close(self) -> None:
        """Stop listening, hang up, remove the file."""
        self._unlisten()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _start(self, path: str) -> None:
        options = sockets.SocketOptions(mode=0o600, backlog=MAX_CLIENTS, option="[control] socket")
        endpoint = Endpoint("unix", path=path)
        self._server = await sockets.FileServer.open(endpoint, options, self._accept, MAX_QUESTION)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this in one
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except (TimeoutError, OSError, ValueError, asyncio.CancelledError):
            pass  # gone, silent for too long, a question without an end, or the daemon ends
        finally:
            self._clients.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) > MAX_CLIENTS:
            writer.write(_line({"error": f"{MAX_CLIENTS} others are asking already; try again"}))
            return
        while question := await asyncio.wait_for(reader.readline(), IDLE):
            writer.write(await self._answer(question))
            await asyncio.wait_for(writer.drain(), IDLE)

    async def _answer(self, question: bytes) -> bytes:
        try:
            return _line({"result": await self._ask(question)})
        except Refused as error:
            return _line({"error": str(error), "mistakes": list(error.mistakes)})
        except ConfigError as error:
            return _line({"error": "the configuration has mistakes", "mistakes": list(error.mistakes)})
        except TimeoutError:
            return _line({"error": f"not answered within {PATIENCE:.0f} s"})
        except Exception:
            _log.exception("a bug: the control socket was asked and could not answer; please report it")
            return _line({"error": "a bug of policyd; its log has the traceback, please report it"})

    async def _ask(self, question: bytes) -> object:
        try:
            asked = json.loads(question)
            verb, arguments = asked["verb"], asked.get("arguments", {})
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise Refused('no question; write {"verb": "status", "arguments": {}} on one line') from None
        handler = self._handlers.get(verb) if isinstance(verb, str) else None
        if handler is None or not isinstance(arguments, dict):
            raise Refused(f"this policyd is asked {', '.join(sorted(self._handlers))}; not {str(verb)[:64]!r}")
        answer = handler(arguments)
        return await asyncio.wait_for(answer, PATIENCE) if inspect.isawaitable(answer) else answer


def _line(answer: Mapping[str, object]) -> bytes:
    """One line, ASCII only: nothing in it moves a terminal, whatever was in a mail."""
    line = json.dumps(answer).encode("ascii") + b"\n"
    if len(line) > MAX_ANSWER:
        return _line({"error": f"the answer would have {len(line)} bytes; ask for less"})
    return line
