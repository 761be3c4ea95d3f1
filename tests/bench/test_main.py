import pytest

from bench.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--workloads", "new,nwe"], "no workload nwe; there are: new, known, mix"),
        (["--stored", "10"], "at least 1000"),
        (["--only", "gld"], "invalid choice: 'gld'"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert complaint in capsys.readouterr().err
