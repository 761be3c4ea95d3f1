"""Files: every mistake has its file and line, and no file at all is a sentence too."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.config import load, load_again, parse
from policyd.model.errors import ConfigError
from tests.examples import thorough


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "f.toml")
    return caught.value.mistakes


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "policyd.toml"
    file.write_bytes(b'\xef\xbb\xbf[greylist]\r\ndelay = "5m"\r\n')
    settings = load(str(file))
    assert settings.checks["greylist"].delay == 300
    assert settings.source == str(file)


@pytest.mark.parametrize("nothing", ["", "\n \n", "\ufeff"])
def test_an_empty_file_is_all_defaults_but_a_daemon_that_runs_does_not_take_it(nothing: str, tmp_path: Path) -> None:
    # A full disk leaves it of a file that was saved; all settings would be gone, the places to listen included.
    file = tmp_path / "policyd.toml"
    file.write_text(nothing)
    assert load(str(file)).checks["greylist"].delay == 240
    with pytest.raises(ConfigError, match=r"policyd.toml: is empty; "):
        load_again(str(file))
    file.write_text("# all as it is by default\n")
    assert load_again(str(file)).checks["greylist"].delay == 240


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, sentence in (
        (str(tmp_path / "none"), f"{tmp_path}/none: no such file; name the configuration with --config FILE"),
        (str(tmp_path), f"{tmp_path}: cannot be read: Is a directory; name the file in it with --config FILE"),
        ("a\0b", "cannot be read: embedded null byte"),
        ("", "'': no such file; name the configuration with --config FILE"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert sentence in str(caught.value)


def test_a_file_that_its_reader_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:  # to root every file is readable
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied; let policyd's user read it, and enter"):
        load(str(tmp_path / "f"))


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"# a\n# b\n# caf\xe9\n", 3),
        (b"\n# caf\xe9\n", 2),
        ("[log]\n".encode("utf-16"), 1),
        ("[log]\n".encode("utf-16-le"), 1),
        ("[log]\n".encode("utf-16-be"), 1),
    ],
)
def test_a_file_that_is_not_utf8(raw: bytes, line: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(raw)
    with pytest.raises(ConfigError, match=rf"f:{line}: is not UTF-8; save the file as UTF-8"):
        load(str(tmp_path / "f"))


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[greylist]\ndelay = 240s\n", 'f.toml:2: delay: the value needs quotes: delay = "..."'),
        ("[greylist]\ndelay = 240s\n[log]\n[dns]\n", 'f.toml:2: delay: the value needs quotes: delay = "..."'),
        ("[greylist]\nheader = True # x", "f.toml:2: header: write true or false, in small letters"),
        ('a = "1"\na = "2"\n', "f.toml:2: an option stands here for the second time; remove one"),
        ("[log]\n[store]\n[log]\n", "f.toml:3: [log] stands here for the second time; put its options in one place"),
        ("a = 'x\n", "f.toml:1: a quote is missing at the end of a text"),
        ("\n[greylist\n", "f.toml:2: no valid TOML: expected ']' at the end of a table declaration"),
        ("x = [1,\n2\n", "f.toml:2: no valid TOML: unclosed array"),
        ("x = " + "[" * 100_000, "f.toml: no valid TOML: brackets within brackets without an end"),
        ('[server]\nlisten = [\n  "x",\n]\n\nbacklog = 0', "f.toml:2: [server] listen: 'x' is no place to listen"),
        ("# \x85\u2028\n[greylist]\ndelay = 240s\n", "f.toml:3: delay: the value needs quotes"),
        ("# \u2028\nx = [1,\n2\n", "f.toml:3: no valid TOML: unclosed array"),
        ('[log]\nformat = "\0"', "f.toml:2: no valid TOML: illegal character '\\x00'; nobody sees U+0000 in column 11"),
        ("# a\x07b", "f.toml:1: no valid TOML: found invalid character '\\x07'; nobody sees U+0007 in column 4"),
        ("[log]\n\ufeff[dns]", "f.toml:2: no valid TOML: invalid statement; nobody sees U+FEFF in column 1, delete it"),
        (
            '[log]\r\n\tformat\u00a0= "json"\r\n',
            "f.toml:2: no valid TOML: expected '=' after a key in a key/value pair; nobody sees U+00A0 in column 8",
        ),
        (
            "[log]\r[dns]\r",
            "f.toml:1: no valid TOML: expected newline or end of document after a statement; lines end with U+000D",
        ),
        ("store = { url = 3 }", "f.toml:1: [store] url: is a whole number"),
        ("[store]\r\nurl = 3\r\n", "f.toml:2: [store] url: is a whole number"),
    ],
)
def test_mistakes_have_their_line(text: str, mistake: str) -> None:
    assert mistakes(text)[0].startswith(mistake)


def test_a_password_without_quotes_is_not_repeated() -> None:
    assert "geheim" not in mistakes("[store]\nurl = redis://:geheim@store.example\n")[0]


WORDS = st.sampled_from(
    ["[", "]", "=", '"', "'", "\n", ".", "#", "[server]", "listen", "240s", '"5m"', "{", "}", ",", "\r\n", "é", '"""']
)  # fmt: skip


@given(st.text() | st.lists(WORDS, max_size=20).map("".join))
@example("x = " + "9" * 5000)
@example("[rbl]\nreject_at = " + "9" * 400)
@example("[server]\nlisten = [nan, 1979-05-27]\n[[greylist]]\n[store.x]\n'' = 1")
@thorough
def test_any_text_is_settings_or_a_config_error(text: str) -> None:
    found: tuple[str, ...] = ()
    try:
        parse(text, "f.toml")
    except ConfigError as error:
        found = error.mistakes
    assert all(mistake.startswith("f.toml:") for mistake in found)
