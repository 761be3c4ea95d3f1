"""`policyd list remove`: the entries with one key, out of all files of their kind, and nothing else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.list.house import House

SENDERS = """\
# spammers, see ticket 4711
spam@example.com  REJECT no thanks
  # not that one
[until=2020-01-01] Spam@Example.com  DEFER later

example.com       # and its subdomains
"""


def test_all_lines_with_the_key_go_and_comments_stay(house: House) -> None:
    house.write("senders", SENDERS)
    house.write("sender_access", "a@example.com OK\nspam@example.com REJECT\n  no thanks\n# why\nb@example.com OK\n")
    said = house.run("remove", "sender", "SPAM@example.com")
    assert (
        house.read("senders")
        == "# spammers, see ticket 4711\n  # not that one\n\nexample.com       # and its subdomains\n"
    )
    assert house.read("sender_access") == "a@example.com OK\n# why\nb@example.com OK\n"
    assert said.status == 0
    assert said.out == (
        f"{house.home}/senders:2: spam@example.com  REJECT no thanks\n"
        f"{house.home}/senders:4: [until=2020-01-01] Spam@Example.com  DEFER later\n"
        f"{house.home}/sender_access:2: spam@example.com REJECT\n"
        "a running policyd takes it within 2 seconds\n"
    )


@pytest.mark.parametrize(
    ("kind", "key", "line"),
    [
        ("client", "192.0.2.0/24", "192.0.2"),
        ("client", "*.example.org", ".example.org"),
        ("client", "MX.example.org", "mx.example.org"),
        ("client", "/^mx 1/", "/^mx 1/"),
        ("client", "2001:DB8:0::/32", "2001:db8::/32"),
    ],
)
def test_a_key_is_known_in_each_spelling(kind: str, key: str, line: str, house: House) -> None:
    house.write("welcome_clients", f"{line}\nexample.net\n")
    assert house.run("remove", kind, key).status == 0
    assert house.read("welcome_clients") == "example.net\n"


def test_what_a_key_matches_is_not_removed(house: House) -> None:
    house.write("senders", "example.com  REJECT\n")
    said = house.run("remove", "sender", "a@example.com")
    assert said.status == 1
    assert said.err == (
        "policyd list remove: no entry has the key 'a@example.com'; policyd list test says what matches it\n"
    )
    assert house.read("senders") == "example.com  REJECT\n"


def test_list_and_file_narrow_it(house: House) -> None:
    for name in ("welcome_recipients", "postmasters"):
        house.write(name, "postmaster@\n")
    house.run("remove", "recipient", "postmaster@", "--file", f"{house.home}/postmasters")
    assert (house.read("postmasters"), house.read("welcome_recipients")) == ("", "postmaster@\n")
    assert house.run("remove", "recipient", "postmaster@", "--list", "blacklist").status == 1
    assert house.run("remove", "recipient", "postmaster@", "--list", "whitelist").status == 0


def test_the_files_of_a_directory_and_companions_count(house: House) -> None:
    for name in ("senders.local", "senders.d/10-one", "senders.d/20-two"):
        house.write(name, "a@example.com REJECT\n")
    said = house.run("remove", "sender", "a@example.com")
    assert [line.split(": ")[0].removeprefix(str(house.home)) for line in said.out.splitlines()[:-1]] == [
        "/senders.local:1",
        "/senders.d/10-one:1",
        "/senders.d/20-two:1",
    ]


texts = st.lists(
    st.sampled_from(
        ["example.com", "# why", "", "  b@example.com REJECT", "\t# more", "caf\udce9", "[until=2020-01-01] x.example"]
    )
).map(lambda lines: "".join(f"{line}\n" for line in lines))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, st.sampled_from(["", "\ufeff"]), st.sampled_from(["\n", "\r\n"]))
def test_add_then_remove_gives_back_the_same_bytes(house: House, text: str, bom: str, end: str) -> None:
    text = bom + text.replace("\n", end).replace("caf\udce9", "# caf\udce9")
    house.write("senders.local", text)
    assert (
        house.run("add", "sender", "new@example.net", "REJECT", "no", "--for", "1d", "--reason", 'he "knows"').status
        == 0
    )
    assert house.read("senders.local") != text
    assert house.run("remove", "sender", "new@example.net").status == 0
    assert house.read("senders.local") == text
