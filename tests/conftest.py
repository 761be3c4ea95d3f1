"""No thread outlives the tests: one that does would keep the whole run from ending, and says so instead. Files lie in
memory where there is room, and all unit tests run on all processors."""

import os
import sys
import threading

import pytest

import tests.examples  # noqa: F401 - before any test is read
from tests.scratch import scratch

PATIENCE = 5.0
PROCESSES = 8
"""Each imports everything, which takes longer than a ninth would save."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Who names tests gets one process, and who names a number of processes (-n) gets that.

    The system tests are never divided: they are about time, and about programs that need the processors themselves.
    """
    options = config.option
    if not config.pluginmanager.hasplugin("xdist") or hasattr(config, "workerinput"):  # or this is one of them
        return
    is_all = config.args_source is pytest.Config.ArgsSource.TESTPATHS and options.markexpr == "not system"
    if is_all and options.numprocesses is None and not options.collectonly:
        options.numprocesses, options.maxprocesses = "auto", options.maxprocesses or PROCESSES


def pytest_configure(config: pytest.Config) -> None:
    if (place := scratch()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", place)  # of tmp_path


def pytest_unconfigure(config: pytest.Config) -> None:
    others = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    for thread in others:
        thread.join(PATIENCE)
    left = [thread.name for thread in others if thread.is_alive()]
    if left:
        print(f"tests: these threads were never ended: {', '.join(left)}; is a store not closed?", file=sys.stderr)
        sys.stdout.flush()
        os._exit(1)
