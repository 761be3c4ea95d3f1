"""`python -m bench.spf_peer SOCKET PROGRAM...`: what Postfix's spawn(8) does: a process for each connection.

Law: the program talks to the connection itself; nothing stands between.
"""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    signal.signal(signal.SIGCHLD, _reap)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(arguments[1])
        os.chmod(arguments[1], 0o666)  # noqa: PTH101
        server.listen(4096)
        while True:
            connection, _ = server.accept()
            subprocess.Popen(arguments[2:], stdin=connection, stdout=connection, stderr=subprocess.DEVNULL)
            connection.close()


def _reap(*_: object) -> None:
    """Let go of those that ended; the kernel adds their CPU time to ours only if somebody does."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main(sys.argv)
