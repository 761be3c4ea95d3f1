"""Law tested: postgrey's syntax is understood; what could never match is understood as meant or refused with advice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.networks import Network
from policyd.tables.syntax import Key, Pattern, lines, parse_client, parse_recipient


def test_lines_keep_their_numbers() -> None:
    text = "\ufeff# a list\r\n\r\nexample.com # why\r\n  example.org\t#why\n#\n a#b@example.com \n"
    assert list(lines(text)) == [(3, "example.com"), (4, "example.org"), (6, "a#b@example.com")]


def test_only_a_line_feed_ends_a_line() -> None:
    assert list(lines("# a\x0bb\x85c\u2028d\nexample.com")) == [(2, "example.com")]


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("/has#hash/", "/has#hash/"),  # postgrey cuts it and lists the host "/has" (greylisting 2.2)
        ("/a b/", "/a b/"),
        ("/has #hash/", "/has #hash/"),
        ("/foo/  # why", "/foo/"),
        ("/foo/ # see /etc/foo/", "/foo/"),
        ("/a/b/", "/a/b/"),
        (r"/^mail\d+\.example$/", r"/^mail\d+\.example$/"),
    ],
)
def test_comments_and_regexes(line: str, pattern: str) -> None:
    ((_, content),) = lines(line)
    for parse in (parse_client, parse_recipient):
        entry = parse(content)
        assert isinstance(entry, Pattern)
        assert entry.text == pattern
        assert entry.regex.pattern == pattern[1:-1]


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
    ("exa$mple.com", "letters, digits"),
    ("http://example.com/", "write"),
    ("-a.example.com", "letters, digits"),
    ("a-.example.com", "letters, digits"),
    ("a" * 64 + ".example", "at most 63"),
    ("a." * 126 + "aa", "253 in all"),
    ("host.123", "ends in a number"),
    ("example.com OK", "write only 'example.com'"),
    ("example.com\tOK", "write only 'example.com'"),
    ("example\x00.com", "type the line anew"),
    ("example\u200b.com", "type the line anew"),
    ("ex\udce4mple.com", "type the line anew"),
    ("/foo", "end it with '/'"),
    ("/foo/i", "case is ignored"),
    ("/foo/#why", "end it with '/'"),
    ("/", "end it with '/'"),
    ("//", "matches everything"),
    ("/a\x01/", "write them as escapes"),
    ("/(a+)+/", "write fewer"),
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
        ("192.0.2.*", "/regex/"),
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
        ('"user"@example.com', "without quotes"),
        ("a@b@example.com", "/regex/"),
        ("192.0.2.1", "ends in a number"),
    ],
)
def test_recipients_that_can_never_match(line: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r".") as mistake:
        parse_recipient(line)
    assert advice in str(mistake.value)


@given(st.text('ab.*@/[]:#+ 019é\t"-\\', max_size=20) | st.text())
def test_arbitrary_text_is_an_entry_or_one_line_of_advice(text: str) -> None:
    for _, content in lines(text):
        for parse in (parse_client, parse_recipient):
            try:
                assert isinstance(parse(content), Key | Network | Pattern)
            except ValueError as mistake:
                assert str(mistake).isprintable()  # noqa: PT017
