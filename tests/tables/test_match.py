"""Law tested: an answer says where it stands."""

from policyd.model.action import Action
from policyd.tables.match import Match


def test_a_match_is_file_line_and_entry() -> None:
    match = Match("/etc/policyd/list", 7, "example.com", Action("REJECT", "no thanks"), None)
    assert str(match) == "/etc/policyd/list:7: example.com"
