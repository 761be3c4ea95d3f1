"""Law tested: recipients match as in postgrey 1.37, but for what is deliberately different; slow and fast agree."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.recipients import RecipientList
from policyd.tables.table import Match, Source


@pytest.mark.parametrize(
    ("entry", "recipient", "expected"),
    [
        # postgrey 1.37 (greylisting 2.2)
        ("example.com", "jane@example.com", True),
        ("example.com", "Jane@MX.Example.COM", True),
        ("example.com", "jane@notexample.com", False),
        ("postmaster@", "Postmaster@example.org", True),
        ("postmaster@", "postmaster+x@example.org", True),
        ("postmaster@", "notpostmaster@example.org", False),
        ("postmaster@", "postmaster2@example.org", False),
        ("jane@example.com", "jane@example.com", True),
        ("jane@example.com", "jane+news@example.com", True),
        ("jane@example.com", "jane@mx.example.com", False),
        ("jane@example.com", "mary.jane@example.com", False),
        ("/^jane.*@example/", "JANE.doe@example.com", True),
        ("/jane doe/", "jane doe@example.test", True),  # Postfix shows quoted local parts without quotes
        # deliberately different: postgrey can never match these
        ("@example.com", "jane@example.com", True),
        ("@example.com", "jane@mx.example.com", False),
        (".example.com", "jane@mx.example.com", True),
        (".example.com", "jane@example.com", False),
        ("*.example.com", "jane@mx.example.com", True),
        # RFC 5321 4.5.1: <postmaster> has no domain
        ("postmaster@", "Postmaster", True),
        ("postmaster", "postmaster", False),
        # extensions
        ("jane+news@example.com", "jane+news@example.com", True),
        ("jane+news@example.com", "jane@example.com", False),
        ("jane+news@", "jane+news@example.com", True),
        # odd addresses
        ("example.com", "a@b@example.com", True),
        ("example.com", "@example.com", True),
        ("example.com", "", False),
        ("jane@", "@", False),
        ("example.test", "用户@example.test", True),
        ("用户@", "用户@example.test", True),
    ],
)
def test_recipients(entry: str, recipient: str, expected: bool) -> None:
    recipients = RecipientList([Source("list", entry)])
    assert recipients.mistakes == ()
    assert (recipients.match(recipient) is not None) is expected


def test_the_most_specific_spelling_answers() -> None:
    entries = ["/a/", "a@", "a+b@", "com", "x.com", "@x.com", "a@x.com", "a+b@x.com"]
    while entries:
        recipients = RecipientList([Source("list", "\n".join(entries))])
        expected = {"com": 4, "x.com": 5, "@x.com": 6}.get(entries[-1], len(entries))
        if len(entries) < 4:
            expected = {3: 3, 2: 2, 1: 1}[len(entries)]
        assert recipients.match("a+b@x.com") == Match("list", expected, entries[-1])
        entries.pop()


_LABELS = st.sampled_from(["a", "b", "mx", "com"])
_DOMAINS = st.lists(_LABELS, min_size=1, max_size=3).map(".".join)
_USERS = st.sampled_from(["a", "b", "a+b", "a+b+c", "A", "b+"])
_PATTERNS = st.sampled_from(["^a", "b@", "com$", "a.*b", "\\+"])
_ENTRIES = st.one_of(
    _DOMAINS,
    _DOMAINS.map(".{}".format),
    _DOMAINS.map("*.{}".format),
    _DOMAINS.map("@{}".format),
    _USERS.map("{}@".format),
    st.tuples(_USERS, _DOMAINS).map("@".join),
    _PATTERNS.map("/{}/".format),
)


def _slow(entry: str, recipient: str) -> bool:
    """Whether one entry means this recipient, said as plainly as possible."""
    if entry.startswith("/"):
        return re.search(entry[1:-1], recipient, re.IGNORECASE) is not None
    entry, recipient = entry.lower(), recipient.lower()
    user, domain = recipient.split("@")
    if "@" not in entry:
        parent = entry.lstrip("*.")
        below = domain.endswith("." + parent)
        return below if entry[0] in "*." else below or domain == parent
    listed_user, listed_domain = entry.split("@")
    same_user = listed_user in ("", user, user.split("+")[0])
    return same_user and listed_domain in ("", domain)


@given(st.lists(_ENTRIES, max_size=8), st.tuples(_USERS, _DOMAINS).map("@".join))
def test_never_disagrees_with_the_slow_one(entries: list[str], recipient: str) -> None:
    recipients = RecipientList([Source("list", "\n".join(entries))])
    assert recipients.mistakes == ()
    match = recipients.match(recipient)
    meant = [line for line, entry in enumerate(entries, 1) if _slow(entry, recipient)]
    assert (match is not None) == bool(meant)
    if match is not None:
        assert match.line in meant


@given(st.text(), st.text())
def test_arbitrary_recipients_never_raise(text: str, recipient: str) -> None:
    RecipientList([Source("list", f"{text}\nexample.com\n/a/\n")]).match(recipient)
