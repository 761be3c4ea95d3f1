"""Law tested: who is asked for first; clients and recipients match as in postgrey 1.37, but for what is deliberately
different, and in Postfix's tables as smtpd does; slow and fast agree."""

import ipaddress
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.model.address import parse_address
from policyd.tables.lists import Client, Form, ListKind, Source, Subject, Table, compile_table
from policyd.tables.orders import MAX_SUBJECT, client_keys, helo_keys, mail_keys, sender_keys


def table(kind: ListKind, *lines: str, form: Form = "policyd") -> Table:
    compiled = compile_table(kind, Source(form, "list"), "\n".join(lines))
    assert compiled.mistakes == ()
    return compiled


def answer(kind: ListKind, subject: Subject, *lines: str, form: Form = "policyd") -> str:
    return str(table(kind, *lines, form=form).find(subject, 0)).removeprefix("list:")


def client(address: str, name: str = "unknown") -> Client:
    return Client(parse_address(address), name)


def matches_client(entry: str, address: str = "198.51.100.1", name: str = "unknown") -> bool:
    return table("client", entry).find(client(address, name), 0) is not None


# --- our own form ---


@pytest.mark.parametrize(
    ("entry", "name", "expected"),
    [
        # postgrey 1.37, measured (greylisting 2.2 and 3)
        ("example.com", "example.com", True),
        ("example.com", "A.B.EXAMPLE.com", True),
        ("example.com", "notexample.com", False),
        ("example.com", "example.com.org", False),
        ("EXAMPLE.com", "mx.example.com", True),
        ("/^mail[0-9]/", "MAIL7.example.com", True),
        ("/ample/", "mx.example.com", True),
        ("/^ample/", "mx.example.com", False),
        # deliberately different: postgrey can never match these
        (".example.com", "mx.example.com", True),
        (".example.com", "example.com", False),
        (".example.com", "notexample.com", False),
        ("*.example.com", "a.mx.example.com", True),
        ("*.example.com", "example.com", False),
        ("/mx#1/", "mx#1", True),
        # only a verified name is a name
        ("/.*/", "unknown", False),
        ("/^$/", "", False),
        ("/^unknown/", "unknown", False),
        ("/^unknown/", "unknown.example.com", True),
        # nobody is too long to lie in a domain
        ("example.com", "a." * 900 + "example.com", True),
        (".example.com", "a" * 300 + ".example.com", True),
        ("/example/", "a" * 250 + ".example", False),
    ],
)
def test_names_of_clients(entry: str, name: str, expected: bool) -> None:
    assert matches_client(entry, name=name) is expected


@pytest.mark.parametrize(
    ("entry", "address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.10", False),
        ("12.5.136", "12.5.136.255", True),
        ("12.5.136", "12.5.137.0", False),
        ("10.1", "10.1.255.255", True),  # postgrey: only 10.1.0.0/24
        ("10.1", "10.2.0.0", False),
        ("10", "10.255.0.1", True),
        ("192.0.2.128/25", "192.0.2.127", False),
        ("192.0.2.128/25", "192.0.2.128", True),
        ("2001:db8::/32", "2001:db8:ffff::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("2001:db8::1", "2001:DB8::1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::/0", "192.0.2.1", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("/192/", "192.0.2.1", False),  # patterns are for names
    ],
)
def test_addresses_of_clients(entry: str, address: str, expected: bool) -> None:
    assert matches_client(entry, address=address) is expected


def test_names_answer_before_addresses_before_patterns() -> None:
    lines = ["/mx/", "192.0.2.0/24", "example.com"]
    assert answer("client", client("192.0.2.1", "mx.example.com"), *lines) == "3: example.com"
    assert answer("client", client("192.0.2.1", "mx.example.org"), *lines) == "2: 192.0.2.0/24"
    assert answer("client", Client(None, "mx.example.org"), *lines) == "1: /mx/"


def test_a_client_without_address_and_name_is_nobody() -> None:
    assert table("client", "0.0.0.0/0", "::/0", "/./").find(Client(None, "unknown"), 0) is None


@pytest.mark.parametrize(
    ("entry", "helo", "expected"),
    [
        ("example.com", "MX.example.com", True),
        ("example.com", "mx.example.com.", True),  # the dot of the root hides nobody
        ("localhost", "localhost", True),
        ("192.0.2", "[192.0.2.1]", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8::/32", "[IPv6:2001:db8::1]", True),
        ("192.0.2.1", "mx-192.0.2.1", False),
        ("/^\\[/", "[192.0.2.1]", True),
        ("/^user-pc$/", "USER-PC", True),
        ("unknown", "unknown", True),
        ("example.com", "", False),
    ],
)
def test_helo_names(entry: str, helo: str, expected: bool) -> None:
    assert (table("helo", entry).find(helo, 0) is not None) is expected


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
        ("+49301@", "+49301@example.com", True),
        # odd addresses
        ("example.com", "a@b@example.com", True),
        ("example.com", "@example.com", True),
        ("example.com", "", False),
        ("example.com", "jane@example.com.", True),
        ("jane@", "@", False),
        ("example.test", "用户@example.test", True),
        ("用户@", "用户@example.test", True),
    ],
)
def test_recipients(entry: str, recipient: str, expected: bool) -> None:
    assert (table("recipient", entry).find(recipient, 0) is not None) is expected


def test_the_null_sender_has_a_key_of_its_own() -> None:
    assert answer("sender", "", "example.com", "<>  REJECT no bounces") == "2: <>"
    assert answer("sender", "a@example.org", "<>", "/./") == "2: /./"
    assert table("sender", "/.*/", "com").find("", 0) is None


def test_the_most_specific_spelling_answers() -> None:
    order = ["a+b@x.com", "a@x.com", "@x.com", "x.com", ".com", "com", "a+b@", "a@", "/a/"]
    for first in range(len(order)):
        lines = order[first:][::-1]
        assert answer("recipient", "A+B@X.com", *lines) == f"{len(lines)}: {order[first]}"


LABELS = st.sampled_from(["a", "b", "mx", "example", "com"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
ADDRESSES = (
    st.integers(0, 15).map(lambda low: ipaddress.IPv4Address(0x0A000000 + low * 0x10101))
    | st.integers(0, 15).map(lambda low: ipaddress.IPv6Address((0x20010DB8 << 96) + low * 0x100010001))
    | st.ip_addresses()
)


@st.composite
def networks(draw: st.DrawFn) -> str:
    address = draw(ADDRESSES)
    return str(ipaddress.ip_network(f"{address}/{draw(st.integers(0, address.max_prefixlen))}", strict=False))


CLIENT_ENTRIES = st.one_of(
    NAMES,
    NAMES.map(str.upper),
    NAMES.map(".{}".format),
    NAMES.map("*.{}".format),
    networks(),
    st.sampled_from(["/^mx/", "/ample/", "/a$/", "/^(a|b)\\./", "/m.*x/", "/c{1,2}om/"]),
    st.just("# nothing"),
)


def slow_client(entries: list[str], address: str, name: str) -> int | None:
    """The line that answers: every entry is tried; names before networks before patterns, longest first, then first."""
    found = []
    named = name not in ("", "unknown")
    for line, entry in enumerate(entries, 1):
        if entry.startswith("/"):
            if named and re.search(entry[1:-1], name, re.IGNORECASE):
                found.append((2, 0, line))
        elif "/" in entry:
            network = ipaddress.ip_network(entry)
            if network.version == ipaddress.ip_address(address).version and ipaddress.ip_address(address) in network:
                found.append((1, -network.prefixlen, line))
        elif named and not entry.startswith("#"):
            domain = entry.lower().lstrip("*")
            dotted = domain if domain.startswith(".") else f".{domain}"
            if name.lower().endswith(dotted) or name.lower() == domain:
                found.append((0, -len(domain), line))
    return min(found)[2] if found else None


@given(st.lists(CLIENT_ENTRIES, max_size=12), ADDRESSES.map(str), NAMES | NAMES.map(str.upper) | st.just("unknown"))
@example(["com", ".com"], "192.0.2.1", "a.com")
def test_clients_never_disagree_with_the_slow_one(entries: list[str], address: str, name: str) -> None:
    mapped = ipaddress.ip_address(address)
    if mapped.version == 6 and mapped.ipv4_mapped is not None:
        return
    match = table("client", *entries).find(client(address, name), 0)
    assert (match and match.line) == slow_client(entries, address, name)


USERS = st.sampled_from(["a", "b", "a+b", "a+b+c", "A", "b+"])
DOMAINS = st.lists(st.sampled_from(["a", "b", "mx", "com"]), min_size=1, max_size=3).map(".".join)
MAIL_ENTRIES = st.one_of(
    DOMAINS,
    DOMAINS.map(".{}".format),
    DOMAINS.map("*.{}".format),
    DOMAINS.map("@{}".format),
    USERS.map("{}@".format),
    st.tuples(USERS, DOMAINS).map("@".join),
    st.sampled_from(["/^a/", "/b@/", "/com$/", "/a.*b/", "/\\+/"]),
)


def rank(entry: str, mail: str) -> tuple[int, int] | None:
    """How specific an entry is for `mail`, 0 the most; None if it does not mean it."""
    if entry.startswith("/"):
        return (9, 0) if re.search(entry[1:-1], mail, re.IGNORECASE) else None
    entry, (user, domain) = entry.lower(), mail.lower().split("@")
    if "@" not in entry:
        parent = entry.lstrip("*.")
        below = domain.endswith("." + parent)
        return (3, -len(parent) * 2 - (entry[0] in "*.")) if below or domain == entry else None
    listed_user, listed_domain = entry.split("@")
    if listed_user not in ("", user, user.split("+")[0]) or listed_domain not in ("", domain):
        return None
    extended = int(listed_user != user)
    return (2, 0) if not listed_user else (extended, 0) if listed_domain else (4 + extended, 0)


@given(st.lists(MAIL_ENTRIES, max_size=8), st.tuples(USERS, DOMAINS).map("@".join))
def test_mail_never_disagrees_with_the_slow_one(entries: list[str], mail: str) -> None:
    ranked = [(found, line) for line, entry in enumerate(entries, 1) if (found := rank(entry, mail))]
    match = table("recipient", *entries).find(mail, 0)
    assert (match and match.line) == (min(ranked)[1] if ranked else None)


# --- Postfix's: the keys that smtpd 3.7.11 was seen to ask for (tests/system/test_lists_postmap.py sees it again) ---


@pytest.mark.parametrize(
    ("name", "address", "keys"),
    [
        (
            "Mail.Example.com",
            "192.0.2.1",
            ["mail.example.com", "example.com", "com", "192.0.2.1", "192.0.2", "192.0", "192"],
        ),
        ("unknown", "2001:db8::5:1", ["unknown", "2001:db8::5:1", "2001:db8::5", "2001:db8:", "2001:db8", "2001"]),
        ("", "::1", ["::1", ":"]),
    ],
)
def test_what_smtpd_asks_of_clients(name: str, address: str, keys: list[str]) -> None:
    assert list(client_keys(client(address, name))) == keys


@pytest.mark.parametrize(
    ("helo", "keys"),
    [
        ("a.b.Example.", ["a.b.example.", "b.example.", "example."]),
        ("[192.0.2.1]", ["[192.0.2.1]", "0.2.1]", "2.1]", "1]"]),
        ("192.0.2.1", ["192.0.2.1"]),
        ("1.2.3.4.com", ["1.2.3.4.com", "2.3.4.com", "3.4.com", "4.com", "com"]),
        ("a..b.c", ["a..b.c", ".b.c", "c"]),
        (".lead.x", [".lead.x", "x"]),
        ("ümlaut", ["ümlaut"]),
        ("", []),
    ],
)
def test_what_smtpd_asks_of_helo_names(helo: str, keys: list[str]) -> None:
    assert list(helo_keys(helo)) == keys


@pytest.mark.parametrize(
    ("mail", "keys"),
    [
        ("u+e@A.B.test.", ["u+e@a.b.test", "u@a.b.test", "a.b.test", "b.test", "test", "u+e@", "u@"]),
        ("a++b@box.test", ["a++b@box.test", "a@box.test", "box.test", "test", "a++b@", "a@"]),
        ("x+@box.test", ["x+@box.test", "x@box.test", "box.test", "test", "x+@", "x@"]),
        ("postmaster+x@b", ["postmaster+x@b", "postmaster@b", "b", "postmaster+x@", "postmaster@"]),
        ("a@[192.0.2.1]", ["a@[192.0.2.1]", "[192.0.2.1]", "0.2.1]", "2.1]", "1]", "a@"]),
        ("a@b@c.test", ["a@b@c.test", "c.test", "test", "a@b@"]),
        ("postmaster", ["postmaster@"]),
    ],
)
def test_what_smtpd_asks_of_mail_addresses(mail: str, keys: list[str]) -> None:
    assert list(mail_keys(mail)) == list(sender_keys(mail)) == keys


def test_what_smtpd_asks_of_the_null_sender() -> None:
    assert list(sender_keys("")) == ["<>"]


def test_tables_of_postfix_answer_in_that_order() -> None:
    lines = ["192.0 REJECT", "example.com DUNNO", ".example.com REJECT", "unknown REJECT"]
    assert answer("client", client("192.0.2.1", "mx.example.com"), *lines, form="access") == "2: example.com"
    assert answer("client", client("192.0.2.1"), *lines, form="access") == "4: unknown"
    assert answer("client", client("192.0.2.1", "x.org"), *lines, form="access") == "1: 192.0"
    assert answer("sender", "", "<> REJECT", form="access") == "1: <>"
    # With parent_domain_matches_subdomains at its default, a key with a dot in front is no domain's.
    assert table("client", ".example.com REJECT", form="access").find(client("192.0.2.1", "a.example.com"), 0) is None


@pytest.mark.parametrize("form", ["policyd", "access", "regexp", "pcre"])
@given(st.text(), st.text())
def test_arbitrary_subjects_never_raise(form: Form, text: str, name: str) -> None:
    kinds: list[tuple[ListKind, Subject]] = [
        ("client", Client(None, name)), ("client", client("::1", name)), ("helo", name), ("sender", name),
        ("recipient", name),
    ]  # fmt: skip
    for kind, subject in kinds:
        compile_table(kind, Source(form, "list"), f"{text}\nexample.com OK\n/a/ OK\n").find(subject, 0)


def test_what_is_longer_than_any_line_is_nobody() -> None:
    assert list(mail_keys("a" * MAX_SUBJECT + "@b")) == list(helo_keys("a" * (MAX_SUBJECT + 1))) == []
    assert table("sender", "b").find("a" * MAX_SUBJECT + "@b", 0) is None
