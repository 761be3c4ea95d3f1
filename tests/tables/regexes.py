"""What a regular expression means, whoever runs it: the contract of the engines.

Law: an engine is Python's `re` itself or gives the same answers, found text and groups included.
"""

import re

import pytest

from policyd.tables.linear import Found

ASCII = re.IGNORECASE | re.ASCII | re.DOTALL
"""As Postfix's tables are read."""

VECTORS = [
    ("example", 0, "an example.com", ("example",)),
    ("MX[0-9]", re.IGNORECASE, "smtp.mx7", ("mx7",)),
    ("mx", 0, "MX", None),
    ("^a|b$", re.IGNORECASE, "xxb", ("b",)),
    ("^a$", re.IGNORECASE, "ba", None),
    (r"\Aa\Z", re.IGNORECASE, "A", ("A",)),
    ("(a+)+b", re.IGNORECASE, "xaaab", ("aaab", "aaa")),
    ("(a)|(b)", re.IGNORECASE, "b", ("b", None, "b")),
    ("(a|ab)(c|bcd)(d*)", 0, "abcd", ("abcd", "a", "bcd", "")),
    ("a.?b", 0, "ab", ("ab",)),
    ("(a*?)(b|$)", 0, "aab", ("aab", "aa", "b")),
    ("(?P<user>[^@]+)@(?:x|y)", re.IGNORECASE, "bob@Y", ("bob@Y", "bob")),
    (r"[\d\-.]{2,3}", re.IGNORECASE, "a1-.2", ("1-.",)),
    (r"[^a-c]", re.IGNORECASE, "ABCD", ("D",)),
    (r"[^\d]", re.ASCII, "1\u0663", ("\u0663",)),
    (r"\d", 0, "\u0663", ("\u0663",)),
    (r"\d", re.ASCII, "\u0663", None),
    (r"\w+", re.ASCII, "-a_9\xe9", ("a_9",)),
    (r"\w+", 0, "-a_9\xe9", ("a_9\xe9",)),
    (r"\W", re.ASCII, "a\xe9", ("\xe9",)),
    (r"\S+", re.ASCII, " a\xa0", ("a\xa0",)),
    (r"a\sb", 0, "a\xa0b", ("a\xa0b",)),
    (r"a\sb", re.ASCII, "a\vb", ("a\vb",)),
    (r"\bb\B", ASCII, "ab bc", ("b",)),
    ("k", re.IGNORECASE, "\u212a", ("\u212a",)),
    ("k", ASCII, "\u212a", None),
    ("[h-l]s", re.IGNORECASE, "\u212a\u017f", ("\u212a\u017f",)),
    ("[^k]", re.IGNORECASE, "kK\u212a", None),
    ("(?i:A)b", 0, "ab", ("ab",)),
    ("(?i:A)b", 0, "aB", None),
    ("(?-i:a)b", re.IGNORECASE, "aB", ("aB",)),
    ("a.c", 0, "a\udc80c", ("a?c",)),
    ("[^a]", 0, "a\udcff", ("?",)),
    ("x{0}y{2,}", 0, "yyy", ("yyy",)),
    (r"[]^\\-]+", 0, "a^-]\\", ("^-]\\",)),
    (r"\x41\u00e9\.", 0, "A\xe9.", ("A\xe9.",)),
]


class Contract:
    """Inherited by the tests of each engine."""

    def search(self, body: str, flags: int, text: str) -> Found | None:
        """What is found of ``/body/`` in `text`. May raise Inexpressible."""
        raise NotImplementedError

    @pytest.mark.parametrize(("body", "flags", "text", "groups"), VECTORS)
    def test_what_is_found(self, body: str, flags: int, text: str, groups: tuple[str | None, ...] | None) -> None:
        found = self.search(body, flags, text)
        assert (found is None) == (groups is None)
        for number, group in enumerate(groups or ()):
            assert found is not None
            assert _shown(found[number]) == group


def _shown(text: str | None) -> str | None:
    """An invalid byte may be found as another character than it was."""
    return text and re.sub("[\ud800-\udfff\ufffd]", "?", text)
