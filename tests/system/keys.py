"""A lookup table of Postfix that knows nothing and remembers what it was asked for.

Law: it is a memcache: table, because that is one of fixed keys to Postfix: smtpd asks it for every part of a name or an
address, in its order, as it would ask hash: or texthash:. Keys with blanks never arrive: the protocol has none.
"""

import socket
import threading
from pathlib import Path
from types import TracebackType


class KeyRecorder:
    """Listens on a port of 127.0.0.1; `asked` has the keys that were asked for, by the name of the table."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._server = socket.create_server(("127.0.0.1", 0))
        self.asked: dict[str, list[str]] = {}

    def table(self, name: str) -> str:
        """What to write into main.cf for the table `name`."""
        port = self._server.getsockname()[1]
        (self._home / name).write_text(f"memcache = inet:127.0.0.1:{port}\nkey_format = {name}:%s\n")
        return f"memcache:{self._home / name}"

    def __enter__(self) -> "KeyRecorder":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                name, _, key = line.decode().rstrip("\r\n").removeprefix("get ").partition(":")
                self.asked.setdefault(name, []).append(key)
                connection.sendall(b"END\r\n")
