"""THE DOOR: bytes of the policy protocol to words and back, without a socket (sans-IO)."""
