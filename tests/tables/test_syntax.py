"""Law tested: postgrey's syntax is understood; what could never match is understood as meant or refused with advice."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.match import ListKind
from policyd.tables.networks import Network
from policyd.tables.syntax import Key, Pattern, parse_client, parse_key, parse_recipient, split_line


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("", ("", "", "")),
        (" \t# only a comment\r", ("", "", "")),
        ("example.com # why\r", ("", "example.com", "")),
        ("  example.org\t#why", ("", "example.org", "")),
        ("a#b@example.com", ("", "a#b@example.com", "")),
        ("a@example.com  REJECT  no thanks  # spam", ("", "a@example.com", "REJECT  no thanks")),
        ("a@example.com REJECT ticket#7", ("", "a@example.com", "REJECT ticket#7")),
        ("[until=2026-12-31] a@example.com", ("[until=2026-12-31]", "a@example.com", "")),
        ('[reason="x ] # y"]<> 550 no', ('[reason="x ] # y"]', "<>", "550 no")),
        ("/has#hash/", ("", "/has#hash/", "")),  # postgrey cuts it and lists the host "/has" (greylisting 2.2)
        ("/a b/", ("", "/a b/", "")),
        ("/a b/ REJECT it / them", ("", "/a b/", "REJECT it / them")),
        ("/has #hash/", ("", "/has #hash/", "")),
        ("/foo/  # why", ("", "/foo/", "")),
        ("/foo/ # see /etc/foo/", ("", "/foo/", "")),
        ("/foo/ OK # see /etc/foo/", ("", "/foo/", "OK")),
        ("/a/b/", ("", "/a/b/", "")),
        ("/a/ b/", ("", "/a/ b/", "")),
        ("[days=Sat] /^x/ 450 later", ("[days=Sat]", "/^x/", "450 later")),
    ],
)
def test_the_parts_of_a_line(line: str, parts: tuple[str, str, str]) -> None:
    assert split_line(line) == parts


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("REJECT no thanks", "action without a key in front"),
        ("OK", "action without a key in front"),
        ("[until=2026-12-31]", "no entry behind it"),
        ("[until=2026-12-31] # comment", "no entry behind it"),
        ("[until=2026-12-31", "never closed"),
        ("x" * 5000, "at most 4096"),
        ("/foo", "end it with '/'"),
        ("/foo/i", "case is ignored"),
        ("/foo/#why", "end it with '/'"),
        ("/", "end it with '/'"),
    ],
)
def test_lines_that_have_no_parts(line: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r".") as mistake:
        split_line(line)
    assert advice in str(mistake.value)


def test_regexes() -> None:
    for parse in (parse_client, parse_recipient):
        entry = parse(r"/^mail\d+\.example$/")
        assert isinstance(entry, Pattern)
        assert entry.text == r"/^mail\d+\.example$/"
        assert entry.regex.search("MAIL7.example")


@pytest.mark.parametrize(
    ("kind", "key"), [("client", "mx.example.com"), ("helo", "unknown"), ("sender", "<>"), ("recipient", "a@")]
)
def test_each_kind_has_its_keys(kind: ListKind, key: str) -> None:
    assert parse_key(kind, key) == Key(key)


@pytest.mark.parametrize(
    ("kind", "key"), [("client", "unknown"), ("helo", "a@b"), ("recipient", "<>"), ("client", "<>")]
)
def test_and_no_others(kind: ListKind, key: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_key(kind, key)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("example.com", "example.com"),
        ("Mail.EXAMPLE.com", "mail.example.com"),
        (".example.com", ".example.com"),
        ("*.example.com", ".example.com"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("_a.b-c.example", "_a.b-c.example"),
        ("3com.example", "3com.example"),
        ("1.2.3.4.example", "1.2.3.4.example"),
    ],
)
def test_names_of_clients(line: str, key: str) -> None:
    assert parse_client(line) == Key(key)


def test_addresses_of_clients() -> None:
    assert parse_client("10.1") == Network(4, 16, 0x0A01)
    assert parse_client("2001:db8::/32") == Network(6, 32, 0x20010DB8)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("example.com", "example.com"),
        (".example.com", ".example.com"),
        ("*.example.com", ".example.com"),
        ("@Example.com", "@example.com"),
        ("Postmaster@", "postmaster@"),
        ("user@example.com", "user@example.com"),
        ("user+ext@example.com", "user+ext@example.com"),
        ("a#b@example.com", "a#b@example.com"),
        ("用户@例え.example", "用户@例え.example"),
    ],
)
def test_recipients(line: str, key: str) -> None:
    assert parse_recipient(line) == Key(key)


_NEVER_A_NAME = [
    ("example..com", "write 'example.com'"),
    ("example.com.", "write 'example.com'"),
    ("..example.com", "write 'example.com'"),
    ("mail*.example.com", "/regex/"),
    ("*", "/regex/"),
    ("example.com#why", "put a blank in front"),
    ("exa$mple.com", "letters, digits"),
    ("http://example.com/", "write"),
    ("-a.example.com", "letters, digits"),
    ("a-.example.com", "letters, digits"),
    ("a" * 64 + ".example", "at most 63"),
    ("a." * 126 + "aa", "253 in all"),
    ("host.123", "ends in a number"),
    ("example\x00.com", "type the line anew"),
    ("example\u200b.com", "type the line anew"),
    ("ex\udce4mple.com", "type the line anew"),
    ("//", "matches everything"),
    ("/a\x01/", "write them as escapes"),
    ("/(a+)+\\1/", "write fewer"),
    ("/a(/", "correct it"),
    ("/" + "a" * 1001 + "/", "at most 1000"),
]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        *_NEVER_A_NAME,
        ("user@example.com", "write a name"),
        ("@example.com", "write a name"),
        ("unknown", "write their addresses"),
        ("/^unknown$/", "write their addresses"),
        (".", "from 0 to 255"),
        ("192.0.2.300", "from 0 to 255"),
        ("192.0.2.1/24", "write 192.0.2.0/24"),
        ("192.0.2.1-192.0.2.9", "ADDRESS/PREFIX"),
        ("192.0.2.*", "write 192.0.2, which names"),
        ("[192.0.2.1]", "without them"),
        ("[2001:db8::]/32", "without them"),
        ("bücher.example", "xn-- form"),
    ],
)
def test_clients_that_can_never_match(line: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r".") as mistake:
        parse_client(line)
    assert advice in str(mistake.value)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        *_NEVER_A_NAME,
        (".", "write 'example.com'"),
        ("@", "write user@"),
        ("@.example.com", "write '.example.com'"),
        ("user@*.example.com", "write '.example.com'"),
        ("user@example..com", "write 'example.com'"),
        ("user@*", "/regex/"),
        ("*@example.com", "write '@example.com' for everybody there"),
        ("*@*.example.com", "write '.example.com'"),
        ("*@", "or a /regex/"),
        ("news*@example.com", "or a /regex/"),
        ('"user"@example.com', "without quotes"),
        ("a@b@example.com", "/regex/"),
        ("192.0.2.1", "ends in a number"),
    ],
)
def test_recipients_that_can_never_match(line: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r".") as mistake:
        parse_recipient(line)
    assert advice in str(mistake.value)


@given(st.sampled_from(get_args(ListKind)), st.text('ab.*@/[]=:#+ 019é\t"-\\', max_size=20) | st.text())
def test_arbitrary_text_is_an_entry_or_one_line_of_advice(kind: ListKind, text: str) -> None:
    try:
        line = split_line(text)
        assert not line.key or isinstance(parse_key(kind, line.key), Key | Network | Pattern)
    except ValueError as mistake:
        assert str(mistake).isprintable()  # noqa: PT017
