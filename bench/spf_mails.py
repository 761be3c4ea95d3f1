"""The mails that `bench.spf` asks about, and its workloads: endless streams of them.

Law: every mail is one of its own, so nobody answers from what was asked in this instance.
"""

from collections.abc import Callable, Iterator
from itertools import chain, count
from typing import Final, NamedTuple

from bench.spf_dns import CLIENT
from policyd.model.address import parse_address
from policyd.model.request import PolicyRequest

# The 29 attributes of Postfix 3.7 in its order.
_REQUEST: Final = (
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address={client}\n"
    "client_name=unknown\nclient_port=60540\nreverse_client_name=unknown\nserver_address=127.0.0.1\nserver_port=25\n"
    "helo_name=mail.{domain}\nsender=user@{domain}\nrecipient=bob@box.example\nrecipient_count=0\nqueue_id=\n"
    "instance={instance}\nsize=0\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\n"
    "ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\n"
    "encryption_cipher=\nencryption_keysize=0\npolicy_context=\n\n"
)
NUMBERS: Final = count(1)


class Workload(NamedTuple):
    """What is asked, by how many at once, and how slow the DNS is."""

    name: str
    delay: int
    """Milliseconds until the DNS answers."""
    connections: int
    requests: Callable[[], Iterator[bytes]]
    is_for_peer: bool = True
    """The peer remembers nothing, so one workload with slow DNS is enough: starting its processes takes long."""
    mails: int = 0
    """Each connection ends after so many, and with it the peer's process; 0: never."""
    first: int = 0
    """Only so many over each connection, all of which are made at once: processes that must start count; 0: no end."""


def request(domain: str, client: str = CLIENT) -> bytes:
    """One mail of its own."""
    number = next(NUMBERS)
    return _REQUEST.format(domain=domain, client=client, instance=f"{number:x}.6b031462.d60af.0").encode()


def cold() -> Iterator[bytes]:
    """Domains of which nothing is known, each with names of its own: five questions, HELO's among them."""
    return (request(f"d{number}.example") for number in NUMBERS)


def customers() -> Iterator[bytes]:
    """New domains again, all of which include the records of one large sender: two questions are new."""
    return (request(f"s{number}.example") for number in NUMBERS)


def known_dns() -> Iterator[bytes]:
    """Fifty domains, always other clients: the DNS is known, the results are not."""
    clients = (f"198.51.100.{number % 254 + 1}" for number in count())
    return (request(f"d{number % 50}.example", client) for number, client in enumerate(clients, 10**9))


def known() -> Iterator[bytes]:
    """Fifty domains, always the same client."""
    return (request(f"d{number % 50}.example") for number in count(10**9))


def mix() -> Iterator[bytes]:
    """Ten mails: seven known ones, one of a known domain from another client, a customer, and a domain never seen."""
    streams = [known()] * 7 + [known_dns(), customers(), cold()]
    return chain.from_iterable(zip(*streams, strict=True))


WORKLOADS: Final = (
    Workload("cold", 0, 1, cold),
    Workload("cold", 0, 8, cold),
    Workload("results known", 0, 8, known),
    Workload("DNS known", 0, 8, known_dns),
    Workload("mix, slow DNS", 50, 500, mix),
    Workload("cold, slow DNS", 50, 500, cold, is_for_peer=False),
    Workload("customers, slow DNS", 50, 500, customers, is_for_peer=False),
    Workload("known, slow DNS", 50, 500, known, is_for_peer=False),
    Workload("mix, 100 a connection", 50, 500, mix, mails=100),
    Workload("customers, 100 a connection", 50, 500, customers, mails=100),
    Workload("cold, 100 a connection", 50, 500, cold, mails=100),
    Workload("cold, the first of each connection", 50, 500, cold, first=1),
    Workload("cold, the first ten", 50, 500, cold, first=10),
)


def mail(number: int) -> PolicyRequest:
    """What the check is asked about in this process."""
    domain = f"d{number}.example"
    return PolicyRequest(
        protocol_state="RCPT",
        client_name="unknown",
        reverse_client_name="unknown",
        helo_name=f"mail.{domain}",
        sender=f"user@{domain}",
        recipient="bob@box.example",
        client_address=parse_address(CLIENT),
    )
