import struct
import time
from ipaddress import IPv4Address

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import given
from hypothesis import strategies as st

from policyd.lookups.dns import codec
from policyd.lookups.dns.codec import MAX_CHAIN, MAX_MESSAGE, PAYLOAD, encode, query, read
from policyd.model.dns import Answer, DnsUnavailable, RecordType
from tests.lookups.wires import question, said

ASKED = encode("a.example", "A")
QUESTION = question()
labels = st.text("abcxyz0189-_", min_size=1, max_size=63)


def read_a(wire: bytes) -> object:
    return read(wire, ASKED, "A")


# --- questions ---


@given(st.lists(labels, min_size=1, max_size=3), st.integers(0, 65535), st.booleans())
def test_dnspython_reads_our_questions(parts: list[str], number: int, edns: bool) -> None:
    message = dns.message.from_wire(query(number, encode(".".join(parts), "TXT"), edns=edns))
    assert message.id == number
    assert message.question[0].to_text() == ".".join(parts) + ". IN TXT"
    assert message.flags == dns.flags.RD | dns.flags.AD
    assert (message.edns, message.payload) == ((0, PAYLOAD) if edns else (-1, 0))


def test_a_backslash_is_a_character_like_others() -> None:
    assert encode(r"a\.b", "A") == b"\x02a\\\x01b\0\0\x01\0\x01"


def test_the_longest_name_is_asked_and_no_longer_one() -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(encode(longest, "A")) == 255 + 4
    with pytest.raises(DnsUnavailable):
        encode(longest + "b", "A")


# --- answers ---


def test_an_answer_lives_as_long_as_its_shortest_record() -> None:
    wire = said(QUESTION, "a.example 300 CNAME b.example.", "b.example 60 CNAME c.example.", "c.example 90 A 192.0.2.1")
    assert read_a(wire) == Answer(("192.0.2.1",), 60, "found")


def test_records_of_other_names_are_not_believed() -> None:
    wire = said(QUESTION, "b.example 60 A 192.0.2.66", minimum=30)
    assert read_a(wire) == Answer((), 30, "no data")


def test_names_are_compared_without_regard_to_case() -> None:
    wire = said(QUESTION, "A.EXAMPLE 60 CNAME B.Example.", "b.eXample 60 A 192.0.2.1")
    assert read_a(wire) == Answer(("192.0.2.1",), 60, "found")
    assert read_a(wire.replace(b"\x01a\x07example", b"\x01A\x07EXAMPLE")) == Answer(("192.0.2.1",), 60, "found")


@pytest.mark.parametrize(("soa_ttl", "minimum", "ttl"), [(300, 60, 60), (60, 300, 60), (300, 1 << 31, 0)])
def test_nothing_is_true_as_long_as_the_soa_says(soa_ttl: int, minimum: int, ttl: int) -> None:
    wire = said(QUESTION, code=dns.rcode.NXDOMAIN, minimum=minimum, soa_ttl=soa_ttl)
    assert read_a(wire) == Answer((), ttl, "no name")


def test_nothing_without_a_soa_is_not_remembered() -> None:
    assert read_a(said(QUESTION)) == Answer((), 0, "no data")


def test_an_alias_of_nothing_is_nothing() -> None:
    wire = said(QUESTION, "a.example 20 CNAME b.example.", code=dns.rcode.NXDOMAIN, minimum=60)
    assert read_a(wire) == Answer((), 20, "no name")


def test_a_referral_is_a_refusal() -> None:
    wire = said(QUESTION, authority=["example 60 NS ns.example."])
    assert read_a(wire) == "refused"
    assert read_a(said(QUESTION, authority=["example 60 NS ns.example."], flags=dns.flags.AA)) == Answer(
        (), 0, "no data"
    )


@pytest.mark.parametrize(
    ("code", "signal"),
    [
        ("SERVFAIL", "servfail"),
        ("REFUSED", "refused"),
        ("FORMERR", "no edns"),
        ("NOTIMP", "no edns"),
        ("NOTAUTH", "servfail"),
    ],
)
def test_a_refusal_has_its_word(code: str, signal: str) -> None:
    wire = said(QUESTION, code=dns.rcode.from_text(code))
    assert read_a(wire) == signal
    header_only = wire[:4] + bytes(8)
    assert read_a(header_only) == signal  # RFC 6891 7: an old server may repeat nothing


def test_what_is_cut_off_is_asked_again() -> None:
    assert read_a(said(QUESTION, flags=dns.flags.TC)) == "truncated"
    assert read_a(said(QUESTION, flags=dns.flags.TC)[:-11]) == "truncated"


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        bytes(11),
        QUESTION,
        said(question("b.example")),
        said(question("a.example", "TXT")),
        said(QUESTION)[:12],
        b"\0\0\x80\0" + bytes(8),
        struct.pack("!HHHHHH", 0, 0x8000, 2, 0, 0, 0) + ASKED * 2,
        struct.pack("!HHHHHH", 0, 0xA800, 1, 0, 0, 0) + ASKED,
    ],
    ids=["empty", "short", "question", "other name", "other kind", "cut", "no question", "two questions", "update"],
)
def test_what_answers_something_else_is_no_answer(wire: bytes) -> None:
    assert read_a(wire) == "stray"


def chain(length: int) -> list[str]:
    return [f"{'a' if n == 0 else f'c{n}'}.example 60 CNAME c{n + 1}.example." for n in range(length)]


def test_a_long_chain_of_aliases_is_followed_and_a_longer_one_is_not() -> None:
    end = f"c{MAX_CHAIN}.example 60 A 192.0.2.1"
    assert read_a(said(QUESTION, *chain(MAX_CHAIN), end)) == Answer(("192.0.2.1",), 60, "found")
    assert read_a(said(QUESTION, *chain(MAX_CHAIN + 2))) == "malformed"


def test_aliases_in_a_circle_are_nonsense() -> None:
    assert read_a(said(QUESTION, "a.example 60 CNAME b.example.", "b.example 60 CNAME a.example.")) == "malformed"


def raw(owner: bytes, type_: int, data: bytes, count: int = 1) -> bytes:
    header = struct.pack("!HHHHHH", 0, 0x8180, 1, count, 0, 0)
    return header + ASKED + (owner + struct.pack("!HHIH", type_, 1, 60, len(data)) + data) * count


@pytest.mark.parametrize(
    "wire",
    [
        raw(b"\xc0\x1b", 1, b"\x7f\0\0\x02"),
        raw(b"\xff\xff", 1, b"\x7f\0\0\x02"),
        raw(b"\x80\x0c", 1, b"\x7f\0\0\x02"),
        raw(b"\xc0\x0c", 5, b"\xc0\x27"),
        raw(b"\xc0\x0c", 1, b"\x7f\0\0"),
        raw(b"\xc0\x0c", 1, b""),
        raw(b"\xc0\x0c", 1, b"\x7f\0\0\x02")[:-1],
        raw(b"\xc0\x0c", 1, b"\x7f\0\0\x02", count=1)[:-14],
    ],
    ids=["itself", "beyond", "bits", "alias of itself", "3 octets", "0 octets", "cut", "missing"],
)
def test_nonsense_is_called_so(wire: bytes) -> None:
    assert read_a(wire) == "malformed"


def test_an_answer_of_another_class_is_none() -> None:
    wire = raw(b"\xc0\x0c", 1, b"\x7f\0\0\x02").replace(b"\xc0\x0c\0\x01\0\x01", b"\xc0\x0c\0\x01\0\x03")
    assert read_a(wire) == Answer((), 0, "no data")


def test_sixty_four_kilobytes_are_not_read() -> None:
    wire = raw(b"\xc0\x0c", 1, b"\x7f\0\0\x02", count=4090)
    assert MAX_MESSAGE < len(wire) < 65536
    assert read_a(wire) == "malformed"


def test_the_worst_message_is_read_in_a_moment() -> None:
    """Every owner is another name of 127 labels, made of two bytes: what pointers give an attacker for his bytes."""
    asked = encode(".".join(["a"] * 126), "A")
    header = struct.pack("!HHHHHH", 0, 0x8180, 1, 256, 0, 0)
    records = b"".join(b"\x01b\xc0\x0e" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes(4) for _ in range(256))
    started = time.process_time()
    assert read(header + asked + records, asked, "A") == Answer((), 0, "no data")
    assert time.process_time() - started < 0.2


# --- values ---


@pytest.mark.parametrize(
    ("kind", "data", "record"),
    [
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("TXT", '"v=spf1 " "-all" "\\233"', b"v=spf1 -all\xe9"),
        ("MX", "10 MX.Example.", (10, "mx.example")),
        ("MX", "0 .", (0, "")),
        ("PTR", "Host.Example.", "host.example"),
        ("PTR", r"a\.b\000\200.example.", r"a\.b\000\200.example"),
        ("NS", "ns.example.", "ns.example"),
        ("CNAME", "b.example.", "b.example"),
        ("SPF", '"v=spf1 " "-all"', b"v=spf1 -all"),
        ("TLSA", "3 1 1 " + "00" * 32, b"\x03\x01\x01" + bytes(32)),
    ],
)
def test_records_become_plain_values(kind: RecordType, data: str, record: object) -> None:
    wire = said(question("a.example", kind), f"a.example 60 {kind} {data}")
    assert read(wire, encode("a.example", kind), kind) == Answer((record,), 60, "found")  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "expected"), [("TXT", Answer((b"",), 60, "found")), ("MX", "malformed")])
def test_a_text_without_strings_is_empty_and_nothing_else_may_be(kind: RecordType, expected: object) -> None:
    asked = encode("a.example", kind)
    record = b"\xc0\x0c" + asked[-4:] + struct.pack("!IH", 60, 0)
    assert read(struct.pack("!HHHHHH", 0, 0x8180, 1, 1, 0, 0) + asked + record, asked, kind) == expected


@pytest.mark.parametrize("data", [b"\x01", b"\x05abc", b"\x03abc\x09x"])
def test_a_string_that_ends_behind_its_record_is_malformed(data: bytes) -> None:
    asked = encode("a.example", "TXT")
    record = b"\xc0\x0c" + asked[-4:] + struct.pack("!IH", 60, len(data)) + data
    assert read(struct.pack("!HHHHHH", 0, 0x8180, 1, 1, 0, 0) + asked + record, asked, "TXT") == "malformed"


@pytest.mark.parametrize("is_secure", [True, False])
def test_what_the_server_says_of_dnssec_is_told(*, is_secure: bool) -> None:
    flags = dns.flags.AD if is_secure else 0
    for records in ([], ["a.example 60 A 192.0.2.1"]):
        answer = read_a(said(QUESTION, *records, flags=flags))
        assert isinstance(answer, Answer)
        assert answer.is_secure is is_secure


# --- whatever comes ---

kinds = st.sampled_from(["A", "AAAA", "TXT", "MX", "PTR", "CNAME", "NS", "SPF", "TLSA"])


@given(st.binary(max_size=600), kinds)
def test_any_bytes_are_something(wire: bytes, kind: RecordType) -> None:
    read(wire, encode("a.example", kind), kind)


@given(st.binary(max_size=300), kinds, st.integers(0, 5), st.integers(0, 3), st.sampled_from([0x8180, 0x8183]))
def test_any_bytes_behind_the_right_question_are_something(
    behind: bytes, kind: RecordType, answers: int, authorities: int, flags: int
) -> None:
    asked = encode("a.example", kind)
    wire = struct.pack("!HHHHHH", 0, flags, 1, answers, authorities, 0) + asked + behind
    assert read(wire, asked, kind) in ("malformed", "refused") or isinstance(read(wire, asked, kind), Answer)


HONEST = {
    kind: said(question("a.example", kind), "a.example 60 CNAME b.example.", f"b.example 60 {kind} {data}", minimum=5)
    for kind, data in [("TXT", '"abc" "def"'), ("MX", "10 mx.example."), ("PTR", "p.example."), ("TLSA", "3 0 0 aabb")]
}


@given(st.sampled_from(sorted(HONEST)), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6))
def test_any_damage_is_something(kind: RecordType, damage: list[tuple[int, int]]) -> None:
    wire = bytearray(HONEST[kind])
    for place, value in damage:
        wire[place % len(wire)] = value
    read(bytes(wire), encode("a.example", kind), kind)


# --- the short way and the long one ---

owners = st.sampled_from(
    [b"\xc0\x0c", b"\xc0\x0c", b"\xc0\x0c", b"\x01a\x07example\0", b"\xc0\x0e", b"\0", b"\xc0\x0b"]
)
values = st.sampled_from([b"\x7f\0\0\x02", bytes(16), b"\x03abc", b"\x03abc\x01d", b"", b"\0\x0a\xc0\x0c", b"\xc0\x0c"])
raw_records = st.lists(
    st.tuples(owners, st.sampled_from([1, 16, 28, 5]), st.sampled_from([1, 1, 1, 3]), st.integers(0, 1 << 32), values),
    max_size=4,
)


@given(raw_records, kinds, st.sampled_from([0x8180, 0x81A0, 0x8183, 0x8580]), st.integers(-1, 1), st.integers(0, 12))
def test_both_ways_lead_to_the_same_answer(
    records: list[tuple[bytes, int, int, int, bytes]], kind: RecordType, flags: int, more: int, cut: int
) -> None:
    asked = encode("a.example", kind)
    wire = struct.pack("!HHHHHH", 0, flags, 1, max(0, len(records) + more), 0, 0) + asked
    for owner, type_, class_, ttl, value in records:
        wire += owner + struct.pack("!HHIH", type_, class_, min(ttl, 0xFFFFFFFF), len(value)) + value
    wire = wire[: len(wire) - cut]
    short = read(wire, asked, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "_pointed", lambda *_: None)
        assert read(wire, asked, kind) == short


texts = st.lists(st.binary(max_size=255), min_size=1, max_size=3)


@given(st.lists(texts, min_size=1, max_size=4), st.integers(0, (1 << 31) - 1))
def test_dnspython_reads_the_same_texts(written: list[list[bytes]], ttl: int) -> None:
    asked = question("a.example", "TXT")
    message = dns.message.make_response(dns.message.from_wire(asked))
    rrset = dns.rrset.RRset(dns.name.from_text("a.example"), dns.rdataclass.IN, dns.rdatatype.TXT)
    for strings in written:
        rrset.add(TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings), ttl)
    message.answer.append(rrset)
    wire = message.to_wire(max_size=65535)
    parsed = dns.message.from_wire(wire).answer[0]
    answer = read(wire, encode("a.example", "TXT"), "TXT")
    assert answer == Answer(tuple(b"".join(record.strings) for record in parsed), ttl, "found")


addresses = st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=9, unique=True)


@given(addresses, st.booleans())
def test_dnspython_reads_the_same_addresses(numbers: list[int], is_v6: bool) -> None:
    kind: RecordType = "AAAA" if is_v6 else "A"
    hosts = [f"2001:db8::{number & 0xFFFF:x}" if is_v6 else str(IPv4Address(number)) for number in numbers]
    wire = said(question("a.example", kind), *(f"a.example 60 {kind} {host}" for host in dict.fromkeys(hosts)))
    answer = read(wire, encode("a.example", kind), kind)
    parsed = [str(rdata) for rrset in dns.message.from_wire(wire).answer for rdata in rrset]
    assert isinstance(answer, Answer)
    assert list(answer.records) == parsed
