"""The state of the whole is that of its parts, and is true within seconds."""

from policyd.health import RECENT, FailOpen, Health
from policyd.metrics import Metrics
from policyd.model.health import Condition


def test_the_first_trouble_is_the_reason() -> None:
    health = Health()
    health.add(lambda: Condition("config", (), "good"))
    assert health.status() == ("serving", "")
    health.add(lambda: Condition("store", ("disk is full",)))
    assert health.status() == ("degraded", "store: disk is full")
    health.add(lambda: Condition("lists", ("a:1: wrong", "b:2: wrong")))
    assert health.status() == ("degraded", "store: disk is full (and 2 more)")


def test_a_request_let_through_is_trouble_for_a_moment() -> None:
    now = 100.0
    metrics = Metrics("1", lambda: 0.0)
    checks = FailOpen(metrics, lambda: now)
    assert checks().troubles == ()
    metrics.fail_open["greylist", "unavailable"] += 3
    assert checks().troubles == ("greylist: mail goes on without it (unavailable)",)
    now += RECENT - 1
    assert checks().troubles
    now += 1
    assert checks() == Condition("checks", (), "3 requests let through for want of a check")
    metrics.fail_open["greylist", "unavailable"] += 1
    assert checks().troubles
