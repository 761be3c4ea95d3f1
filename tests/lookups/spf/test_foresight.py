import pytest

from policyd.lookups.spf.foresight import foreseen, is_without_record, questions_of
from policyd.lookups.spf.subject import Subject
from policyd.lookups.spf.terms import read_record
from policyd.model.dns import Answer, DnsUnavailable
from policyd.model.spf import SpfLimits
from tests.lookups.spf.world import address

SUBJECT = Subject(address("192.0.2.1"), "mail.example", "user", "a.example")


def txt(*texts: bytes) -> Answer:
    return Answer(texts, 60, "found")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (txt(b"v=spf1 -all"), False),
        (txt(b"x", b"V=SPF1 -all"), False),
        (txt(b"v=spf1"), False),
        (txt(b"x v=spf1"), True),
        (Answer((), 60, "no name"), True),
        (DnsUnavailable("timeout"), False),
        (None, False),
    ],
)
def test_who_has_no_record(answer: Answer | DnsUnavailable | None, *, expected: bool) -> None:
    assert is_without_record(answer) is expected


def test_what_a_record_names_is_foreseen() -> None:
    found = foreseen(
        SUBJECT, txt(b"v=spf1 a mx:m.example/24 -include:B.example. exists:%{i}.x.example ptr -all"), SpfLimits()
    )
    assert found == [("a.example", "A"), ("m.example", "MX"), ("b.example", "TXT")]


@pytest.mark.parametrize(
    "answer",
    [
        txt(b"v=spf1 ip4:192.0.2.0/24 include:b.example -all"), txt(b"v=spf1 include:b.example", b"v=spf1 -all"),
        txt(b"v=spf1 include:b.example \xff"), txt(b"v=spf1 include:b.example\n"),
        txt(b"v=spf1 x=%{ include:b.example"), txt(b"v=spf1 include:%{d}.b.example"),
        txt(b"v=spf1 exists:%{i}.x.example include:b.example -all"), txt(b"v=spf1 -all include:b.example"),
        Answer((), 60, "no name"), DnsUnavailable("timeout"), None,
    ],
)  # fmt: skip
def test_what_is_not_sure_is_not(answer: Answer | DnsUnavailable | None) -> None:
    assert foreseen(SUBJECT, answer, SpfLimits()) == []


def test_no_more_than_the_terms_that_may_ask() -> None:
    record = read_record("v=spf1 " + " ".join(f"a:h{number}.example" for number in range(40)))
    assert len(questions_of(record, "a.example", "AAAA", SpfLimits(terms=10))) == 10
