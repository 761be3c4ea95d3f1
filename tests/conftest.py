"""No thread outlives the tests: one that does would keep the whole run from ending, and says so instead. No example
has a deadline: on a machine that is shared, one that took 0.3 s failed the whole run and proved nothing."""

import os
import sys
import threading

import pytest
from hypothesis import settings

settings.register_profile("policyd", deadline=None)
# What guards the main branch must not fail by the luck of a draw: a change is judged by the same examples each time.
# Everybody else's runs draw new ones, and what they find gets a test of its own.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "policyd")

PATIENCE = 5.0


def pytest_unconfigure(config: pytest.Config) -> None:
    others = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    for thread in others:
        thread.join(PATIENCE)
    left = [thread.name for thread in others if thread.is_alive()]
    if left:
        print(f"tests: these threads were never ended: {', '.join(left)}; is a store not closed?", file=sys.stderr)
        sys.stdout.flush()
        os._exit(1)
