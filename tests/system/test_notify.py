"""What systemd is told, and by what: READY, RELOADING, STOPPING, signs of life, sockets that outlive the program."""

import itertools
import socket
import time
from pathlib import Path

from tests.system.daemon import Policyd
from tests.system.parts import wait_until
from tests.system.policy import PolicyClient

VALUES = ("READY", "RELOADING", "STOPPING")


def story(daemon: Policyd) -> list[str]:
    """The states that were announced, in order."""
    return [name for _, message in daemon.notify.messages for name in VALUES if message.get(name) == "1"]


def test_ready_is_said_when_requests_are_answered_and_stopping_when_they_are_not(lab: Path) -> None:
    with Policyd(lab) as daemon:
        assert story(daemon) == ["READY"]
        assert all("STATUS" in message for _, message in daemon.notify.messages)
        for service in (daemon.inet, daemon.unix):
            with PolicyClient(service) as client:
                assert client.ask(protocol_state="VRFY") == "DUNNO"
        assert daemon.term() == 0
        wait_until(lambda: story(daemon) == ["READY", "STOPPING"], 10, "STOPPING=1")


def test_a_reload_says_when_it_began(lab: Path) -> None:
    with Policyd(lab) as daemon:
        before = time.monotonic_ns() // 1000
        daemon.hup()
        assert story(daemon) == ["READY", "RELOADING", "READY"]
        (begun,) = [message for _, message in daemon.notify.messages if "RELOADING" in message]
        # systemd 253 waits for ever without it (Type=notify-reload)
        assert before <= int(begun["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_a_reload_that_fails_ends_too(lab: Path) -> None:
    with Policyd(lab) as daemon:
        daemon.config.write_text("[server\n")
        daemon.hup()
        assert story(daemon) == ["READY", "RELOADING", "READY"]


def test_signs_of_life_come_twice_as_often_as_asked_for(lab: Path) -> None:
    with Policyd(lab, environment={"WATCHDOG_USEC": "4000000"}) as daemon:
        wait_until(lambda: daemon.notify.count("WATCHDOG", "1") >= 3, 8, "three times WATCHDOG=1")
        times = [at for at, message in daemon.notify.messages if message.get("WATCHDOG") == "1"]
        assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 3


def test_no_sign_of_life_where_none_is_asked_for(lab: Path) -> None:
    with Policyd(lab) as daemon:
        time.sleep(1.5)
        assert daemon.notify.count("WATCHDOG", "1") == 0


def test_sockets_of_systemd_are_used_in_place_of_our_own_and_survive_us(lab: Path) -> None:
    with Policyd(lab, activated=True) as daemon:
        for service in (daemon.inet, daemon.unix):
            with PolicyClient(service) as client:
                assert client.ask(protocol_state="VRFY") == "DUNNO"
        daemon.term()
        # nobody is there, and still nobody is refused
        waiting = [PolicyClient(service) for service in (daemon.inet, daemon.unix)]
        for client in waiting:
            client.socket.sendall(b"protocol_state=VRFY\n\n")
        daemon.start()
        assert [client.reply() for client in waiting] == ["DUNNO", "DUNNO"]
        for client in waiting:
            client.socket.close()


def test_a_stale_socket_file_is_replaced_and_our_own_is_removed(lab: Path) -> None:
    path = lab / "policy.sock"
    with Policyd(lab) as daemon:
        daemon.kill9()
        assert path.is_socket()
        daemon.start()
        with PolicyClient(daemon.unix) as client:
            assert client.ask(protocol_state="VRFY") == "DUNNO"
        assert daemon.term() == 0
        assert not path.exists()


def test_a_socket_in_use_stops_the_start_with_a_sentence(lab: Path) -> None:
    daemon = Policyd(lab)
    with socket.create_server(("127.0.0.1", int(daemon.inet.rpartition(":")[2]))):
        daemon.start(ready=False)
        assert daemon.process.wait(30) == 1
    (line,) = daemon.lines(f"cannot listen on {daemon.inet}", "in use")
    assert "stop it or choose another" in line
    assert "Traceback" not in daemon.log()
    assert story(daemon) in ([], ["STOPPING"])
    daemon.close()
