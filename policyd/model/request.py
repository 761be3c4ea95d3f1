"""One question of Postfix: the attributes of a policy request under Postfix's own names.

Law: values are the client's, so the attacker's: text with surrogate escapes, never trusted, never cut.
Source: SMTPD_POLICY_README; which values occur was measured with Postfix 3.7.11.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from policyd.model.address import Address


class PolicyRequest(NamedTuple):
    """A policy request. A named tuple, because one is built for every recipient of every mail.

    The fields before `client_address` stand in the order in which Postfix sends them; what it did not send is "".
    """

    protocol_state: str = ""
    client_name: str = ""
    """The client's *verified* host name, ``unknown`` without one."""
    reverse_client_name: str = ""
    helo_name: str = ""
    sender: str = ""
    """The envelope sender without quotes, as Postfix delivers for it (model.mailbox); "" is the null sender. Split it
    at the last ``@``."""
    recipient: str = ""
    """The envelope recipient, likewise."""
    queue_id: str = ""
    """Empty at the first recipient of a message, so no key of it."""
    instance: str = ""
    """The same for all recipients of one message; "" outside a mail transaction."""
    sasl_username: str = ""
    policy_context: str = ""
    client_address: Address | None = None
    """None when Postfix does not know it (``unknown``) or when it is no address."""
    attributes: Mapping[str, str] = MappingProxyType({})
    """Everything Postfix sent. Of a repeated attribute the last one counts."""
