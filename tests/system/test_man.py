"""The manual pages are right to groff, which man(1) shows them with."""

import os
import subprocess
from typing import Any

import pytest

from tests.system.parts import require
from tests.test_man import MAKE, PAGES


@pytest.mark.parametrize("each", PAGES, ids=lambda page: f"{page.name}.{page.section}")
def test_groff_has_nothing_to_say(each: Any) -> None:
    done = subprocess.run(
        [require("groff"), "-man", "-ww", "-Tutf8", "-K", "utf8"], input=MAKE(each), capture_output=True, text=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"}, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert each.name in done.stdout
    assert "](" not in done.stdout, "a link stands as it is in Markdown"
    assert "**" not in done.stdout
