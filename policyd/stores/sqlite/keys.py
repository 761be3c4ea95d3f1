"""The keys of the sqlite store: a keyed hash in place of three texts.

Law: 63 bits of BLAKE2b under a secret of this installation. The addresses are the attacker's, and without the secret
nobody can look for two triplets with one key (with 2**20 triplets the odds of any accidental pair are 1 in 16 million).
"""

from hashlib import blake2b
from typing import Final

from policyd.model.greylist import Triplet

SECRET_BYTES: Final = 16
_from_bytes = int.from_bytes


class Keys:
    """Keys under one secret."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self._hash = blake2b(digest_size=8, key=secret)  # copying it is cheaper than keying anew

    def of(self, text: bytes) -> int:
        """The key of a triplet's `text`."""
        hashed = self._hash.copy()
        hashed.update(text)
        return _from_bytes(hashed.digest(), "big") >> 1

    def of_client(self, client: str) -> int:
        """The key of a client's own record. Not kept: a cache with many misses costs more than the hash (measured)."""
        return self.of(client_text(client))

    def hidden(self, text: bytes) -> bytes:
        """`text` with a keyed hash in place of every part that is not empty."""
        return b"\n".join(b"%016x" % self.of(part) if part else b"" for part in text.split(b"\n"))


def triplet_text(triplet: Triplet) -> bytes:
    """The bytes under which a triplet is hashed and named; what was no UTF-8 comes out as it went in."""
    return f"{triplet.client}\n{triplet.sender}\n{triplet.recipient}".encode("utf-8", "surrogateescape")


def client_text(client: str) -> bytes:
    """The same for a client's own record."""
    return f"{client}\n\n".encode("utf-8", "surrogateescape")
