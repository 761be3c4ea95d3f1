"""The manual pages are made of the documentation, say all of it, and are right to groff."""

import os
import re
import runpy
import shutil
import subprocess
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


@pytest.mark.parametrize("each", PAGES, ids=lambda page: f"{page.name}.{page.section}")
def test_groff_has_nothing_to_say(each: Any) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        [groff, "-man", "-ww", "-Tutf8", "-K", "utf8"], input=MAKE(each), capture_output=True, text=True, check=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.stderr == ""
    assert each.name in done.stdout
    assert "](" not in done.stdout, "a link stands as it is in Markdown"
    assert "**" not in done.stdout


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
