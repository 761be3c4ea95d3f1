"""No thread outlives the tests: one that does would keep the whole run from ending, and says so instead. Files lie in
memory where there is room, and a run of all tests is divided among the processors."""

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
    """Who names tests or wants to see what they print gets one process; who names a number of them (-n) gets that.

    System tests are divided by files, because all tests of a file share its Postfix; they wait more than they work.
    """
    options = config.option
    if not config.pluginmanager.hasplugin("xdist") or hasattr(config, "workerinput"):  # or this is one of them
        return
    is_all = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if is_all and options.numprocesses is None and options.capture != "no" and not options.collectonly:
        options.numprocesses, options.maxprocesses = "auto", options.maxprocesses or PROCESSES
        options.dist = "load" if options.markexpr == "not system" else "loadfile"


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
