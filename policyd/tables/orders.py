"""Lookup order: which keys of a file are tried for whom, the most specific first.

Law: the form `access` asks for the keys that Postfix's smtpd was seen to ask for, in its order (3.7.11, with the
default parent_domain_matches_subdomains and recipient_delimiter = +). The form `policyd` keeps that order where both
have the key; its own keys stand beside the one they resemble, and patterns, which cost most, come last.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from policyd.model.address import Address, parse_address
from policyd.tables.entries import Entries
from policyd.tables.match import Client, ListKind, Match

Order = Callable[[Entries, Any, int], Match | None]
"""(entries, subject, now) -> what answers. The subject is a `Client` or a str, as the kind says."""

NULL_SENDER: Final = "<>"
"""The key of the null sender (smtpd_null_access_lookup_key)."""
MAX_SUBJECT: Final = 2048
"""Characters of a name or an address that is asked about: Postfix cuts lines at 2048 (line_length_limit)."""


def _policyd_client(entries: Entries, client: Client, now: int) -> Match | None:
    """Name and the domains it lies in, address and its networks, patterns; only a verified name counts."""
    address, name = client
    named = name != "unknown" and name != ""
    if named and (match := entries.find_domain(name.lower(), now)):
        return match
    if address is not None and (match := entries.find_address(address, now)):
        return match
    return entries.find_pattern(name, now) if named else None


def _policyd_helo(entries: Entries, name: str, now: int) -> Match | None:
    """The same of what the client calls itself: a name, or an address, which stands in brackets (RFC 5321 4.1.3)."""
    if len(name) > MAX_SUBJECT:
        return None
    name = name.lower().removesuffix(".")
    address = parse_address(name.removeprefix("[").removesuffix("]").removeprefix("ipv6:"))
    match = entries.find_domain(name, now) if address is None else entries.find_address(address, now)
    return match or entries.find_pattern(name, now)


def _policyd_mail(entries: Entries, mail: str, now: int) -> Match | None:
    """As access(5), with ``@domain`` (that domain only) in front of ``domain`` (and subdomains)."""
    if len(mail) > MAX_SUBJECT:
        return None
    find, shapes = entries.find_key, entries.shapes
    local, domain = _parts(mail)
    user, match = bare(local), None
    if domain and shapes.addresses:
        match = find(f"{local}@{domain}", now) or (find(f"{user}@{domain}", now) if user != local else None)
    if match is None and domain and shapes.exact_domains:
        match = find(f"@{domain}", now)
    match = match or entries.find_domain(domain, now)
    if match is None and shapes.users:
        match = find(f"{local}@", now) or (find(f"{user}@", now) if user != local else None)
    return match or entries.find_pattern(mail, now)


def _policyd_sender(entries: Entries, sender: str, now: int) -> Match | None:
    return _policyd_mail(entries, sender, now) if sender else entries.find_key(NULL_SENDER, now)


def _access(keys_of: Callable[[Any], Iterator[str]]) -> Order:
    def order(entries: Entries, subject: Any, now: int) -> Match | None:
        for key in keys_of(subject):
            if match := entries.find_key(key, now):
                return match
        return None

    return order


def client_keys(client: Client) -> Iterator[str]:
    """What smtpd asks for a client: check_namadr_access. Also for the name ``unknown``."""
    address, name = client
    yield from helo_keys(name)
    if address is not None:
        yield from _address_keys(address)


def helo_keys(name: str) -> Iterator[str]:
    """What smtpd asks for a HELO name: check_domain_access. A name that is an address lies in no domain."""
    if not name or len(name) > MAX_SUBJECT:
        return
    name = name.lower()
    yield name
    if parse_address(name) is not None:
        return
    dot = name.find(".", 1)
    while 0 <= dot < len(name) - 1:
        yield name[dot + 1 :]
        dot = name.find(".", dot + 2)


def mail_keys(mail: str) -> Iterator[str]:
    """What smtpd asks for a mail address: check_mail_access."""
    if len(mail) > MAX_SUBJECT:
        return
    local, domain = _parts(mail)
    user = bare(local)
    if domain:
        yield f"{local}@{domain}"
        if user != local:
            yield f"{user}@{domain}"
        yield from helo_keys(domain)
    yield f"{local}@"
    if user != local:
        yield f"{user}@"


def sender_keys(sender: str) -> Iterator[str]:
    """What smtpd asks for a sender: the null sender has a key of its own."""
    return mail_keys(sender) if sender else iter((NULL_SENDER,))


def bare(local: str) -> str:
    """The user without the extension; a ``+`` in front is the user's own."""
    plus = local.find("+")
    return local if plus <= 0 else local[:plus]


def _parts(mail: str) -> tuple[str, str]:
    """The local part and the domain in lower case. RCPT TO:<postmaster> has no domain (RFC 5321 4.5.1)."""
    local, at, domain = mail.lower().rpartition("@")
    if not at:
        return domain, ""
    # Postfix takes the dot behind a domain away before it looks the address up (resolve.c).
    return local, domain.removesuffix(".")


def _address_keys(address: Address) -> Iterator[str]:
    """check_addr_access: the address, and what is left when it is cut at each dot or colon from the right."""
    text, delimiter = address.text, "." if address.version == 4 else ":"
    while text:
        yield text
        text = text.rpartition(delimiter)[0]


ORDERS: Final[Mapping[str, Mapping[ListKind, Order]]] = {
    "policyd": {
        "client": _policyd_client,
        "helo": _policyd_helo,
        "sender": _policyd_sender,
        "recipient": _policyd_mail,
    },
    "access": {
        "client": _access(client_keys),
        "helo": _access(helo_keys),
        "sender": _access(sender_keys),
        "recipient": _access(mail_keys),
    },
}
