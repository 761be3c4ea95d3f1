"""The manual pages are made of the documentation and say all of it. Whether they are right to groff: tests/system."""

import re
import runpy
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest

from policyd.cli import VERBS
from policyd.config.settings import SECTIONS

ROOT: Final = Path(__file__).parent.parent
BUILD: Final[dict[str, Any]] = runpy.run_path(str(ROOT / "docs/man/build.py"))
PAGES: Final = BUILD["PAGES"]
MAKE: Final[Callable[[Any], str]] = BUILD["build"]


def page(name: str) -> str:
    return MAKE(next(page for page in PAGES if page.name == name))


def plain(roff: str) -> str:
    """The words, without fonts and escapes."""
    return re.sub(r"\\f[BIR]|\\&", "", roff).replace(r"\-", "-").replace(r"\e", "\\")


@pytest.mark.parametrize("section", SECTIONS)
def test_every_option_is_in_its_page(section: str) -> None:
    text = plain(page("policyd.toml"))
    missing = [field.name for field in fields(SECTIONS[section]) if field.name.rstrip("_") not in text]
    assert missing == []
    assert f"[{section}]" in text


def test_every_verb_is_in_its_page() -> None:
    assert [verb for verb in VERBS if f"policyd {verb}" not in plain(page("policyd"))] == []


def test_what_roff_would_take_for_its_own_is_text() -> None:
    inline = BUILD["_inline"]
    assert inline(r".SH \n --config") == r"\&.SH \en \-\-config"
    assert inline("**a** `b` *c* [d](e) f_g_h") == r"\fBa\fR \fBb\fR \fIc\fR d f_g_h"
