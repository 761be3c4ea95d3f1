"""Law tested: an open resolver that nobody asks has touched nothing."""

from pathlib import Path

from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.settings import DnsSettings


def test_opening_needs_no_loop_no_file_and_no_network() -> None:
    resolver = open_resolver(DnsSettings(), Path("/nowhere/resolv.conf"))
    assert resolver.cached("example.org", "A") is None
    assert resolver.stats().servers == {}
    resolver.close()
    resolver.close()
