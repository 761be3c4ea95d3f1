"""Headers parse back by the grammar whatever the client sent, with a parser that is written from the RFCs."""

import re
from typing import get_args

import authres
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.spf.headers import (
    MAX_ADDRESS,
    MAX_NAME,
    MAX_VALUE,
    Subject,
    make_header,
    quoted,
    received_spf,
    results,
)
from policyd.lookups.spf.subject import domain_name
from policyd.model.action import MAX_HEADER
from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfAnswer
from tests.examples import thorough

PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
HOST = "mx.receiver.example"

# RFC 7208 9.1 and RFC 5322 3.2, for one line without folding.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
DOT_ATOM = rf"{ATOM}(?:\.{ATOM})*"
QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
COMMENT = r"\((?:[ !-'*-\[\]-~]|\\[ -~])*\)"
PAIR = rf"([a-z][a-z0-9-]*)=({DOT_ATOM}|{QUOTED})"
RECEIVED_SPF = re.compile(
    rf"Received-SPF: (pass|fail|softfail|neutral|none|temperror|permerror) (?:{COMMENT} )?({PAIR}(?:; {PAIR})*)"
)


def parse(header: str) -> tuple[str, dict[str, str]]:
    match = RECEIVED_SPF.fullmatch(header)
    assert match, header
    pairs = [(key, value) for key, value in re.findall(PAIR, match[2])]
    assert len({key for key, _ in pairs}) == len(pairs)
    return match[1], {key: unquoted(value) for key, value in pairs}


def unquoted(value: str) -> str:
    return unescaped(value[1:-1]) if value.startswith('"') else value


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)


def subject(sender: str = "user@a.example", helo: str = "mail.a.example", **more: str) -> Subject:
    fields = {"identity": "mailfrom", "client": "192.0.2.1", "host": HOST} | more
    return Subject(sender=sender, helo=helo, **fields)  # type: ignore[arg-type]


def test_the_header_reads_as_the_rfcs_own_example() -> None:
    answer = SpfAnswer("pass", "a.example", "ip4:192.0.2.0/24")
    assert received_spf(answer, subject()) == (
        "Received-SPF: pass (mx.receiver.example: domain of a.example designates 192.0.2.1 as permitted sender) "
        'client-ip=192.0.2.1; envelope-from="user@a.example"; receiver=mx.receiver.example; identity=mailfrom; '
        'helo=mail.a.example; mechanism="ip4:192.0.2.0/24"'
    )


@pytest.mark.parametrize("result", get_args(SpfResult))
def test_every_result_has_a_header(result: SpfResult) -> None:
    problem = "DNS: timeout" if result == "temperror" else ""
    found, pairs = parse(received_spf(SpfAnswer(result, "a.example", problem=problem), subject()))
    assert found == result
    assert pairs.get("problem", "") == problem


@pytest.mark.parametrize(
    "sender",
    [
        "SRS0=HHH=TT=orig.example=user@fwd.example", "abc+123-h.i.j=k@dom.example", "bounce-1=user=b.example@a.example",
        '"a b)(c"@x.example', "a\\b@x.example", 'q"q@x.example', "<>@x.example", "u@evil@a.example", "a;b=c@x.example",
    ],
)  # fmt: skip
def test_senders_of_forwarders_and_lists_are_quoted_right(sender: str) -> None:
    assert parse(received_spf(SpfAnswer("fail", "x.example"), subject(sender)))[1]["envelope-from"] == sender


@given(
    st.text(max_size=600), st.text(max_size=1600), st.text(PRINTABLE, max_size=255),
    st.sampled_from(get_args(SpfResult)),
    st.sampled_from(["192.0.2.1", "2001:db8::1"]), st.sampled_from(["mailfrom", "helo"]),
)  # fmt: skip
@thorough
def test_any_sender_and_name_parse_back(
    sender: str, helo: str, text: str, result: SpfResult, client: str, identity: str
) -> None:
    answer = SpfAnswer(result, domain_name(sender.rpartition("@")[2]), text, text)
    header = received_spf(answer, subject(sender, helo, client=client, identity=identity))
    assert len(header) <= MAX_HEADER
    found, pairs = parse(header)
    assert (found, pairs["client-ip"], pairs["identity"], pairs["receiver"]) == (result, client, identity, HOST)
    assert make_header("received-spf", answer, subject(sender, helo, client=client, identity=identity))


LONGEST = "x" * (MAX_ADDRESS - len('"@a.example"')) + "@a.example"


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        (LONGEST, LONGEST),
        ("x" + LONGEST, "postmaster@a.example"),
        ('"' * 300 + "@a.example", "postmaster@a.example"),
        ("x@" + "y" * 500, "?"),
        ('"' * 448, "?"),
        ('"' * 200, "?"),
    ],
)
def test_long_senders_lose_their_local_part_and_never_half_a_domain(sender: str, told: str) -> None:
    header = received_spf(SpfAnswer("none", "a.example"), subject(sender, "h" * 1500, host="r" * 253))
    assert len(header) <= MAX_HEADER
    assert parse(header)[1]["envelope-from"] == told


@pytest.mark.parametrize("result", get_args(SpfResult))
def test_the_longest_of_everything_fits_and_no_room_is_left_unused(result: SpfResult) -> None:
    name, lengths = "n" * 253, set()
    for length in range(MAX_VALUE + 1):
        answer = SpfAnswer(result, name, '"' + "m" * length, '"' * MAX_VALUE, is_wide=True)
        header = received_spf(answer, subject(f"{'u' * 230}@a.example", name, host="r" * 253))
        parse(header)
        lengths.add(len(header))
    assert max(lengths) == MAX_HEADER
    header = results(SpfAnswer(result, '"' * 253, problem='"' * MAX_VALUE), subject(host="r" * 253))
    assert len(header) <= MAX_HEADER
    assert read(header).results[0].result == result


def test_what_only_explains_is_cut() -> None:
    told = parse(received_spf(SpfAnswer("permerror", "a.example", "m" * 999, "p" * 999), subject()))[1]
    assert (told["mechanism"], told["problem"]) == ("m" * MAX_VALUE, "p" * MAX_VALUE)


@pytest.mark.parametrize("length", [100, 140, 200, 253])
def test_a_helo_name_is_told_whole(length: int) -> None:
    tail = ".victim.example.forger.example"  # cut in the middle it would be the victim's
    helo = ".".join(["x" * 40] * 6)[-length + len(tail) :].strip(".") + tail
    header = received_spf(SpfAnswer("pass", helo), subject("", helo, identity="helo", host="r" * 200))
    assert parse(header)[1]["helo"] == helo


def test_a_helo_name_that_is_no_name_is_not_told() -> None:
    helo = "x" * 139 + ".victim.example" + ".x" * 100
    assert "helo" not in parse(received_spf(SpfAnswer("none", ""), subject(helo=helo)))[1]


def test_a_domain_that_is_too_long_is_not_told() -> None:
    sender = "u@" + "x" * 133 + ".victim.example" + ".x" * 150
    assert parse(received_spf(SpfAnswer("none", ""), subject(sender)))[1]["envelope-from"] == "?"
    assert "victim" not in results(SpfAnswer("none", ""), subject(sender))


@pytest.mark.parametrize(
    ("identity", "sender", "helo", "told"),
    [
        ("mailfrom", "u@a b.example", "x", '"u@a b.example"'),
        ("helo", "u@a b.example", "x y", '"x y"'),
        ("mailfrom", "", "x", '""'),
        ("helo", "", "x" * MAX_NAME, "x" * MAX_NAME),
    ],
)
def test_who_has_no_domain_is_told_as_he_named_himself(identity: str, sender: str, helo: str, told: str) -> None:
    about = subject(sender, helo, identity=identity)
    assert results(SpfAnswer("none", ""), about).endswith(f" smtp.{identity}={told}")
    assert "(mx.receiver.example: domain of nobody has no SPF record)" in received_spf(SpfAnswer("none", ""), about)


def test_a_helo_name_is_told_as_it_was_said() -> None:
    header = received_spf(SpfAnswer("pass", "mail.a.example"), subject("", "MAIL.a.example", identity="helo"))
    assert parse(header)[1]["helo"] == "MAIL.a.example"


def test_a_sender_in_another_script_without_a_domain_gets_none() -> None:
    assert parse(received_spf(SpfAnswer("none", ""), subject("g\xfcnter")))[1]["envelope-from"] == "g?nter"


@pytest.mark.parametrize("identity", ["mailfrom", "helo"])
def test_a_domain_in_another_script_is_told_as_the_dns_knows_it(identity: str) -> None:
    domain = domain_name("b\xfccher.example")
    about = subject("g\xfcnter@b\xfccher.example", "b\xfccher.example", identity=identity)
    told = parse(received_spf(SpfAnswer("pass", domain), about))[1]
    assert told["envelope-from" if identity == "mailfrom" else "helo"].endswith("xn--bcher-kva.example")
    assert "g?nter@" in told["envelope-from"]


def test_the_comment_of_a_pass_of_everybody_says_so() -> None:
    assert "and most others" in received_spf(SpfAnswer("pass", "a.example", "+all", is_wide=True), subject())


@pytest.mark.parametrize("text", ["", "a.b", "a..b", ".a", "a@b", "2001:db8::1", "a b", 'a"b', "a\\b"])
def test_what_is_no_dot_atom_is_quoted(text: str) -> None:
    value = quoted(text)
    assert unquoted(value) == text
    assert re.fullmatch(rf"{DOT_ATOM}|{QUOTED}", value)


# --- Authentication-Results ---


def read(header: str) -> authres.AuthenticationResultsHeader:
    return authres.AuthenticationResultsHeader.parse(header)


@pytest.mark.parametrize("result", get_args(SpfResult))
@pytest.mark.parametrize("identity", ["mailfrom", "helo"])
def test_authres_reads_our_results(result: SpfResult, identity: str) -> None:
    answer = SpfAnswer(result, "a.example", problem='DNS: "timeout" \\ for a.example')
    found = read(results(answer, subject(identity=identity)))
    assert found.authserv_id == HOST
    (line,) = found.results
    assert (line.method, line.result) == ("spf", result)
    assert unescaped(line.reason) == answer.problem  # authres leaves the escapes in
    (property_,) = line.properties
    assert (property_.type, property_.name, property_.value) == ("smtp", identity, "a.example")


@given(st.text(max_size=600), st.text(max_size=600), st.sampled_from(["mailfrom", "helo"]))
@thorough
def test_authres_reads_them_for_any_sender(sender: str, helo: str, identity: str) -> None:
    header = results(SpfAnswer("none", domain_name(sender)), subject(sender, helo, identity=identity))
    assert len(header) <= MAX_HEADER
    assert read(header).results[0].result == "none"
    assert make_header("authentication-results", SpfAnswer("none", domain_name(sender)), subject(sender, helo))


def test_a_domain_with_strange_characters_is_quoted() -> None:
    header = results(SpfAnswer("fail", '_a"b;c.example'), subject(host="r" * 253))
    assert header.endswith(r'smtp.mailfrom="_a\"b;c.example"')
    assert unescaped(read(header).results[0].properties[0].value) == '_a"b;c.example'


def test_none_is_none() -> None:
    assert make_header("none", SpfAnswer("pass", "a.example"), subject()) is None
