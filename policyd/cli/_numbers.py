"""Numbers behind options. No verb: see the underscore.

Law: what is out of bounds is refused with the bounds, before anything is asked.
"""

from argparse import ArgumentTypeError
from collections.abc import Callable


def count(most: int) -> Callable[[str], int]:
    """Reads a whole number from 1 to `most`. It raises ArgumentTypeError."""

    def read(text: str) -> int:
        number = int(text) if text.isdecimal() and len(text) < 20 else 0
        if not 0 < number <= most:
            raise ArgumentTypeError(f"{text!r} is no number from 1 to {most}")
        return number

    return read


def seconds(text: str) -> float:
    """A time to wait. Raises ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 3600:
        raise ArgumentTypeError(f"{text!r} is no time between 0 and 3600 seconds")
    return number
