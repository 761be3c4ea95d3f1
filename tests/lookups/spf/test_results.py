from policyd.lookups.spf.results import Results
from policyd.lookups.spf.subject import Subject
from policyd.model.spf import SpfAnswer
from tests.lookups.spf.world import address

SUBJECT = Subject(address("192.0.2.1"), "mail.example", "user", "a.example")
PASS = SpfAnswer("pass", "a.example")


def test_an_answer_is_known_until_its_time() -> None:
    results = Results()
    results.put(SUBJECT, PASS, 100.0, uses_sender=False)
    assert results.get(SUBJECT._replace(local="other"), 99.9) == PASS
    assert results.get(SUBJECT, 100.0) is None
    assert len(results) == 0


def test_what_depends_on_the_sender_is_his_alone() -> None:
    results = Results()
    results.put(SUBJECT, PASS, 100.0, uses_sender=True)
    assert results.get(SUBJECT, 0.0) == PASS
    assert results.get(SUBJECT._replace(local="other"), 0.0) is None


def test_clients_domains_and_helo_names_are_told_apart() -> None:
    results = Results()
    results.put(SUBJECT, PASS, 100.0, uses_sender=False)
    for other in (
        SUBJECT._replace(client=address("192.0.2.2")), SUBJECT._replace(domain="b.example"), SUBJECT._replace(helo="x"),
    ):  # fmt: skip
        assert results.get(other, 0.0) is None


def test_the_longest_unused_gives_way() -> None:
    results = Results(limit=2)
    subjects = [SUBJECT._replace(domain=f"{letter}.example") for letter in "abc"]
    results.put(subjects[0], PASS, 100.0, uses_sender=False)
    results.put(subjects[1], PASS, 100.0, uses_sender=False)
    assert results.get(subjects[0], 0.0)
    results.put(subjects[2], PASS, 100.0, uses_sender=False)
    assert [results.get(subject, 0.0) is not None for subject in subjects] == [True, False, True]
