"""Law tested: one private address with many names is a gateway, said once; anything else is not."""

from policyd.checks.wiring import REQUESTS, Wiring


def gateway(wiring: Wiring, address: str = "172.17.0.1", names: int = 20, requests: int = REQUESTS) -> list[str]:
    said = [wiring.see_private(address, f"mx{number % names}.example") for number in range(requests)]
    return [sentence for sentence in said if sentence]


def test_a_gateway_is_said_once() -> None:
    wiring = Wiring("rbl", "no list can be asked")
    (sentence,) = gateway(wiring, requests=5 * REQUESTS)
    assert wiring.is_mistaken
    assert sentence.startswith("rbl: every client comes from 172.17.0.1: ")
    assert "so no list can be asked;" in sentence
    assert "PROXY protocol" in sentence


def test_one_server_that_sends_everything_is_none() -> None:
    wiring = Wiring("rbl", "no list can be asked")
    assert gateway(wiring, names=3, requests=500) == []
    assert not wiring.is_mistaken


def test_names_alone_are_no_proof() -> None:
    wiring = Wiring("rbl", "no list can be asked")
    assert gateway(wiring, requests=REQUESTS - 1) == []
    assert not wiring.is_mistaken


def test_a_few_names_of_another_address_do_not_count() -> None:
    wiring = Wiring("rbl", "no list can be asked")
    gateway(wiring, names=9)
    assert [wiring.see_private("10.0.0.1", "mx.other.example") for _ in range(REQUESTS)] == [""] * REQUESTS


def test_many_private_clients_are_none() -> None:
    wiring = Wiring("rbl", "no list can be asked")
    for number in range(500):
        assert not wiring.see_private(f"10.0.0.{number % 50}", f"pc{number}.example")
    assert not wiring.is_mistaken


def test_a_public_client_shows_that_all_is_well_and_a_new_mistake_is_said_again() -> None:
    wiring = Wiring("rbl", "no list can be asked")
    gateway(wiring)
    assert wiring.mistake
    wiring.see_public()
    assert (wiring.is_mistaken, wiring.mistake) == (False, "")
    assert len(gateway(wiring)) == 1
