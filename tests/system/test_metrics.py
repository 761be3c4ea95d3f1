"""The metrics port: what Prometheus sees after a few requests."""

import http.client
import os
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.system.daemon import Policyd
from tests.system.policy import PolicyClient


def get(daemon: Policyd, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", daemon.metrics_port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def samples(daemon: Policyd) -> dict[tuple[str, frozenset[str]], float]:
    """The value of every series, by its name and the values of its labels."""
    status, page = get(daemon)
    assert status == 200
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_every_answer_is_counted_by_what_it_was(lab: Path) -> None:
    with Policyd(lab) as daemon, PolicyClient(daemon.inet) as client:
        for sender in ("a@example.org", "b@example.org", "a@example.org"):
            client.ask(sender=sender)
        client.ask(client_address="127.0.0.1")
        client.ask(protocol_state="VRFY")
        seen = samples(daemon)
        requests = {labels: value for (name, labels), value in seen.items() if name == "policyd_requests_total"}
        assert requests == {
            frozenset({"DEFER_IF_PERMIT", "greylist", "new"}): 2,
            frozenset({"DEFER_IF_PERMIT", "greylist", "early-retry"}): 1,
            frozenset({"DUNNO", "chain", "trusted network"}): 1,
            frozenset({"DUNNO", "chain", "not a recipient"}): 1,
        }
        assert seen["policyd_greylist_decisions_total", frozenset({"new"})] == 2
        assert seen["policyd_greylist_decisions_total", frozenset({"early"})] == 1
        assert seen["policyd_request_duration_seconds_count", frozenset()] == 5
        assert seen["policyd_config_last_reload_successful", frozenset()] == 1


def test_the_page_is_for_anybody_so_it_names_nobody(lab: Path) -> None:
    with Policyd(lab) as daemon, PolicyClient(daemon.inet) as client:
        client.ask(sender="secret@example.org", recipient="hidden@box.test", client_address="203.0.113.77")
        page = get(daemon)[1]
        assert "policyd_requests_total" in page
        assert not [
            word for word in ("secret", "hidden", "203.0.113", "example.org", os.uname().nodename) if word in page
        ]


def test_a_failed_reload_and_a_closed_connection_can_be_seen(lab: Path) -> None:
    with Policyd(lab) as daemon:
        daemon.config.write_text("[server\n")
        daemon.hup()
        with PolicyClient(daemon.inet) as client:
            client.socket.sendall(b"x" * 70000)
            assert client.is_closed()
        assert samples(daemon)["policyd_config_last_reload_successful", frozenset()] == 0
        errors = {name: value for (name, _), value in samples(daemon).items()}
        assert errors["policyd_protocol_errors_total"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("HEAD", "/metrics", 200), ("GET", "/", 200), ("GET", "/x", 404), ("POST", "/metrics", 405)],
)
def test_there_is_nothing_else(lab: Path, method: str, path: str, status: int) -> None:
    with Policyd(lab) as daemon:
        assert get(daemon, path, method)[0] == status
