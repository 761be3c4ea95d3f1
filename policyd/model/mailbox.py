"""How Postfix reads a mail address.

Law: pure and total.
"""


def as_delivered(address: str) -> str:
    """`address` as Postfix delivers it; it asks about what the client said.

    Without an @, ``site!user`` and ``user%site`` are ``user@site`` (swap_bangpath and allow_percent_hack of
    postconf(5), on by default; in this order, measured with 3.7.11). A check that overlooks that judges nobody's mail.
    """
    if "@" in address:
        return address
    site, mark, user = address.partition("!")
    if not mark:
        user, _, site = address.rpartition("%")
    return f"{user}@{site}" if user and site else address
