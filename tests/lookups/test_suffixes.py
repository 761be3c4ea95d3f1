import sys

import pytest

from policyd.lookups.suffixes import registered_domains
from policyd.model.identity import cautious_registered_domain


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("mail-ot1-f41.google.com", "google.com"),
        ("mx.example.co.uk", "example.co.uk"),
        ("co.uk", ""),
        ("com", ""),
        ("a.b.unheard-of.test", "unheard-of.test"),
        # A private suffix: below it every name is another customer's.
        ("vps-1.somebody.github.io", "somebody.github.io"),
        ("github.io", ""),
    ],
)
def test_the_list_knows_where_domains_are_registered(name: str, wanted: str) -> None:
    find, is_real = registered_domains()
    assert is_real
    assert find(name) == wanted


def test_without_the_package_the_cautious_rule_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "publicsuffixlist", None)
    assert registered_domains.__wrapped__() == (cautious_registered_domain, False)
