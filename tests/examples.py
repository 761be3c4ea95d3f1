"""How many examples a property is tried with: all where CI is set, a quarter of them on a developer's machine; but what
guards a promise is `@thorough`, and has all of them everywhere."""

import os
from typing import Final

from hypothesis import settings

ALL: Final = 100
FEW: Final = 25

# No example has a deadline: on a machine that is shared, one that took 0.3 s failed the whole run and proved nothing.
settings.register_profile("policyd", deadline=None, max_examples=FEW)
# What guards the main branch must not fail by the luck of a draw: a change is judged by the same examples each time.
# Everybody else's runs draw new ones, and what they find gets a test of its own.
settings.register_profile("ci", deadline=None, max_examples=ALL, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "policyd")

thorough: Final = settings(max_examples=ALL)
