"""systemd's own journal, privately: a journald in a mount namespace, and what starts a program as its service.

Law: the journal of the machine is neither read nor written; everything lies in directories of the namespace's own.
"""

import json
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from tests.system.parts import give_up, require, require_root, wait_until

JOURNALD: Final = "/lib/systemd/systemd-journald"
NAMESPACE: Final = "policyd"
# As LogNamespace= does it: a journal of its own, seen where the machine's would be; and a queue as long as systemd
# makes it, which is a setting of the network namespace.
_START: Final = f"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journal /run/systemd/journal.{NAMESPACE}
mount --bind /run/systemd/journal.{NAMESPACE} /run/systemd/journal
echo 512 > /proc/sys/net/unix/max_dgram_qlen
exec {JOURNALD} {NAMESPACE}
"""
# systemd names the stream (systemd.exec(5)); systemd-cat of Debian 12 does not.
_NAME_THE_STREAM: Final = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"'


class Journald:
    """A running journald."""

    def __init__(self, home: Path) -> None:
        require_root()
        for program in ("unshare", "nsenter", "systemd-cat", "journalctl", JOURNALD):
            require(program)
        with (home / "journald.log").open("wb") as log:
            self.process = subprocess.Popen(["unshare", "--mount", "--net", "sh", "-c", _START], stderr=log, stdout=log)
        self._inside = ["nsenter", f"--target={self.process.pid}", "--mount", f"--wd={home}"]
        try:
            wait_until(self._is_up, 30, "journald")
        except AssertionError:
            self.close()
            give_up(f"no private journald can be had here: {(home / 'journald.log').read_text()}")

    def __enter__(self) -> "Journald":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End it, however; the namespace goes with its last process."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    @property
    def launcher(self) -> Sequence[str]:
        """What becomes a program whose stderr is a stream of this journal."""
        return [*self._inside, "systemd-cat", "--identifier=policyd", "sh", "-c", _NAME_THE_STREAM, "sh"]

    def entries(self, *matches: str) -> list[dict[str, str]]:
        """What journalctl finds, the oldest first."""
        command = [*self._inside, "journalctl", f"--namespace={NAMESPACE}", "--quiet", "--output=json", *matches]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in told.stdout.splitlines()]

    def wait_for(self, *matches: str, count: int = 1) -> list[dict[str, str]]:
        """What journalctl finds, once it is `count` entries."""
        deadline = time.monotonic() + 10
        while len(found := self.entries(*matches)) < count:
            assert time.monotonic() < deadline, (
                f"{len(found)} of {count} for {matches}; the last of all: {self.entries()[-3:]}"
            )
            time.sleep(0.05)
        return found

    def _is_up(self) -> bool:
        assert self.process.poll() is None, "it ended"
        command = [*self._inside, "test", "-S", "/run/systemd/journal/socket"]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
