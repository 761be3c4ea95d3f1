"""Law tested: a verb of a verb is run, and what is mistyped is answered with what was meant."""

import pytest

from policyd.cli._verbs import choose

SEEN: list[tuple[str, list[str]]] = []


def run(verb: str, arguments: list[str]) -> int:
    SEEN.append((verb, arguments))
    return 7


def chosen(*arguments: str) -> int:
    return choose("shop", [*arguments], {"open": "begin", "close": "end"}, "usage\n{verbs}\n", run)


def test_the_verb_is_run_with_the_rest() -> None:
    assert chosen("open", "--help", "close") == 7
    assert SEEN.pop() == ("open", ["--help", "close"])


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert chosen(word) == 0
    assert capsys.readouterr() == ("usage\n  open      begin\n  close     end\n", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["opne"], "policyd shop: no verb 'opne', did you mean 'open'?\n"),
        (["x"], "policyd shop: no verb 'x'; policyd shop --help lists them\n"),
        ([], "usage\n  open      begin\n  close     end\n"),
    ],
)
def test_no_verb(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert chosen(*arguments) == 2
    assert capsys.readouterr() == ("", sentence)
