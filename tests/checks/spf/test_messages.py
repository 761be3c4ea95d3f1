import pytest

from policyd.checks.spf.judgement import Opinion
from policyd.checks.spf.messages import Messages
from policyd.model.spf import SpfAnswer
from tests.checks.spf.house import request

FOUND = [Opinion("helo", SpfAnswer("none", ""), "tag"), Opinion("mailfrom", SpfAnswer("fail", "a.example"), "reject")]


def test_a_message_is_known_to_all_its_recipients() -> None:
    messages = Messages()
    assert not messages.get(request())
    messages.put(request(), FOUND)
    assert messages.get(request(recipient="other@receiver.example", policy_context="second")) == FOUND


@pytest.mark.parametrize(
    "other",
    [
        {"instance": "1.2.4"}, {"client_address": "192.0.2.2"}, {"client_address": None}, {"helo_name": "x.example"},
        {"sender": "user@other.example"}, {"sender": ""},
    ],
)  # fmt: skip
def test_it_is_nobody_elses(other: dict[str, str]) -> None:
    messages = Messages()
    messages.put(request(), FOUND)
    assert not messages.get(request(**other))


def test_without_an_instance_there_is_no_message() -> None:
    messages = Messages()
    messages.put(request(instance=""), FOUND)
    assert not messages.get(request(instance=""))


def test_what_another_try_may_answer_better_is_not_kept() -> None:
    messages = Messages()
    messages.put(request(), [*FOUND, Opinion("mailfrom", SpfAnswer("temperror", "a.example"), "tag")])
    assert not messages.get(request())


def test_the_oldest_give_way() -> None:
    messages = Messages(limit=2)
    for instance in ("1", "2", "1", "3"):
        messages.put(request(instance=instance), FOUND)
    assert [bool(messages.get(request(instance=instance))) for instance in ("1", "2", "3")] == [True, False, True]
