import pytest

from policyd.lookups.spf.knowledge import FOREVER, Knowledge, question_of
from policyd.model.dns import Answer, DnsUnavailable, RecordType

FOUND = Answer(("192.0.2.1",), 60, "found")


def test_an_answer_of_the_cache_stays_for_the_whole_evaluation() -> None:
    cached = {"a.example": FOUND}
    knowledge = Knowledge(lambda name, kind: cached.get(name), 10)
    assert knowledge.get(("a.example", "A")) == FOUND
    cached.clear()
    assert knowledge.get(("a.example", "A")) == FOUND
    assert knowledge.queries == 1


def test_no_more_questions_than_allowed_even_of_the_cache() -> None:
    knowledge = Knowledge(lambda name, kind: FOUND if name == "c.example" else None, 2)
    assert knowledge.missing([("a.example", "A"), ("b.example", "A"), ("d.example", "A")]) == [
        ("a.example", "A"),
        ("b.example", "A"),
    ]
    knowledge.put(("a.example", "A"), FOUND)
    knowledge.put(("b.example", "A"), FOUND)
    assert knowledge.get(("c.example", "A")) is None
    assert knowledge.missing([("c.example", "A")]) == []


def test_equal_questions_are_asked_once() -> None:
    question: tuple[str, RecordType] = ("a.example", "A")
    assert Knowledge(lambda name, kind: None, 5).missing([question, question]) == [question]


def test_the_shortest_ttl_counts_and_no_answer_has_none() -> None:
    knowledge = Knowledge(lambda name, kind: None, 5)
    assert knowledge.ttl == FOREVER
    knowledge.put(("a.example", "A"), FOUND)
    knowledge.put(("b.example", "A"), FOUND._replace(ttl=7))
    assert knowledge.ttl == 7
    knowledge.put(("c.example", "A"), DnsUnavailable("timeout"))
    assert knowledge.ttl == 0


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("A.Example.", ("a.example", "A")),
        ("odd _/\\name.example", ("odd _/\\name.example", "A")),
        ("x" * 63 + ".example", ("x" * 63 + ".example", "A")),
        ("", None), (".", None), ("a..example", None), (".a.example", None), ("x" * 64 + ".example", None),
        (".".join(["x" * 63] * 4), None), ("\xe4.example", None), ("a\n.example", None),
    ],
)  # fmt: skip
def test_names_that_cannot_be_are_not_asked(name: str, question: object) -> None:
    assert question_of(name, "A") == question


def test_what_may_be_asked_beside_uses_half_the_limit_at_most() -> None:
    knowledge = Knowledge(lambda name, kind: None, 6)
    names: list[tuple[str, RecordType]] = [(f"h{number}.example", "A") for number in range(6)]
    assert knowledge.beside(names) == names[:3]
    assert knowledge.beside(names, needed=names[:2]) == names[2:3]
    knowledge.expected[names[0]] = None
    assert knowledge.beside(names) == names[1:3]
    knowledge.put(names[0], FOUND)
    assert knowledge.beside(names) == names[1:3]


def test_what_the_cache_knows_is_not_asked_beside_and_costs_nothing() -> None:
    knowledge = Knowledge(lambda name, kind: FOUND, 6)
    assert knowledge.beside([("a.example", "A")]) == []
    assert knowledge.queries == 0


def test_what_is_expected_counts_once() -> None:
    knowledge = Knowledge(lambda name, kind: None, 2)
    names: list[tuple[str, RecordType]] = [(f"h{number}.example", "A") for number in range(3)]
    knowledge.expected[names[1]] = None
    assert knowledge.queries == 1
    assert knowledge.missing(names) == [names[1], names[0]]
    knowledge.put(names[1], FOUND)
    assert knowledge.queries == 1
    assert knowledge.missing(names) == [names[0]]


def test_dnssec_vouches_for_all_of_it_or_for_nothing() -> None:
    knowledge = Knowledge(lambda name, kind: None, 5)
    knowledge.put(("a.example", "TXT"), FOUND._replace(is_secure=True))
    assert knowledge.is_secure
    knowledge.put(("b.example", "TXT"), FOUND)
    assert not knowledge.is_secure
