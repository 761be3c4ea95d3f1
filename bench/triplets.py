"""Triplets by number, and the requests Postfix would send for them.

Law: a number always means the same triplet, so nothing need be remembered and both servers see the same mail. Equal
numbers are the only equal triplets; neighbours in number are strangers in address and sender, as on a real server.
Words are plain letters: postgrey turns lone digits of a sender into "#" and cuts it at "+".
"""

from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

_SYLLABLES: Final = [consonant + vowel for consonant, vowel in product("bcdfghklmnprstvz", "aeio")]
_WORDS: Final = [(a + b).encode() for a, b in product(_SYLLABLES, repeat=2)]
_OCTETS: Final = [b"%d" % octet for octet in range(256)]
# First octets without private, special and multicast networks (RFC 6890), as many as fit into eight bits.
_PUBLIC: Final = [octet for octet in range(1, 224) if octet not in {10, 100, 127, 169, 172, 192, 198, 203}]
_FIRST: Final = [_OCTETS[_PUBLIC[byte % len(_PUBLIC)]] for byte in range(256)]
_RECIPIENTS: Final = [word + b"@example.test" for word in _WORDS[::8]]

# The 29 attributes of Postfix 3.7 in its order, about 575 bytes.
_REQUEST: Final = (
    b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=%b.%b.%b.%b\n"
    b"client_name=mx1.%b.test\nclient_port=60540\nreverse_client_name=mx1.%b.test\nserver_address=127.0.0.1\n"
    b"server_port=25\nhelo_name=mx1.%b.test\nsender=%b%b@%b.test\nrecipient=%b\nrecipient_count=0\nqueue_id=\n"
    b"instance=%x.6b031462.d60af.0\nsize=0\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\n"
    b"ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\n"
    b"encryption_cipher=\nencryption_keysize=0\npolicy_context=\n\n"
)
_SCATTER: Final = 0x9E3779B1
"""An odd factor permutes the 32-bit numbers; this one scatters neighbours (Fibonacci hashing)."""
_TRUSTED: Final = 1 << 31
"""Numbers from here on belong to clients that both servers whitelist by themselves."""
_TRIPLETS_TO_TRUST: Final = 5
"""Passed triplets that put a client on the automatic whitelist, counted at most once an hour (postgrey's default)."""


class Try(NamedTuple):
    """One delivery attempt: the numbers of its client and of its sender and recipient."""

    client: int
    mail: int

    @property
    def request(self) -> bytes:
        """What Postfix sends for it."""
        return request(self.client, self.mail)

    @property
    def triplet(self) -> tuple[str, str, str]:
        """The client's /24 network, the sender, the recipient."""
        h, m = self.client * _SCATTER & 0xFFFFFFFF, self.mail * _SCATTER & 0xFFFFFFFF
        network = b"%b.%b.%b.0/24" % (_FIRST[h >> 24], _OCTETS[h >> 16 & 255], _OCTETS[h >> 8 & 255])
        sender = b"%b%b@%b.test" % (_WORDS[m & 4095], _WORDS[m >> 12 & 255], _WORDS[m >> 20])
        return network.decode(), sender.decode(), _RECIPIENTS[self.mail & 511].decode()


def request(client: int, mail: int) -> bytes:
    """The request for one try of mail number `mail` by client number `client` (both under 2**32)."""
    h, m = client * _SCATTER & 0xFFFFFFFF, mail * _SCATTER & 0xFFFFFFFF
    domain = _WORDS[m >> 20]
    return _REQUEST % (
        _FIRST[h >> 24], _OCTETS[h >> 16 & 255], _OCTETS[h >> 8 & 255], _OCTETS[h & 255],
        domain, domain, domain,
        _WORDS[m & 4095], _WORDS[m >> 12 & 255], domain, _RECIPIENTS[mail & 511],
        mail,
    )  # fmt: skip


class Population(NamedTuple):
    """What both servers have stored before a run: half of it triplets that passed, half such that never came back."""

    stored: int
    """Triplets, at least 1,000."""

    @property
    def trusted(self) -> int:
        """Clients on the automatic whitelist."""
        return min(1000, self.stored // 50)

    @property
    def passed(self) -> int:
        """Mails 0 to here passed; those behind, up to `fresh`, were deferred once."""
        return self.stored // 2 - self.trusted * _TRIPLETS_TO_TRUST

    @property
    def fresh(self) -> int:
        """The first number that was never seen."""
        return self.stored - self.trusted * _TRIPLETS_TO_TRUST

    def trusted_try(self, client: int, mail: int) -> Try:
        """A try by one of the automatically whitelisted clients."""
        return Try(_TRUSTED + client % self.trusted, _TRUSTED + mail)

    def history(self, now: int) -> Iterator[tuple[int, Iterator[Try]]]:
        """How it came about: batches of tries with their time. The order within a batch does not matter."""
        for past in range(_TRIPLETS_TO_TRUST, 0, -1):
            mails = range(past * self.trusted, (past + 1) * self.trusted)
            for moment in (now - past * 4000, now - past * 4000 + 600):
                yield moment, (self.trusted_try(mail, mail) for mail in mails)
        yield now - 1200, (Try(number, number) for number in range(self.fresh))
        yield now - 600, (Try(number, number) for number in range(self.passed))
