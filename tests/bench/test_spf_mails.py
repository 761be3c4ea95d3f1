"""The mails are Postfix's, and as many of them are new as their workload says."""

from itertools import islice

from bench.spf_mails import WORKLOADS, mail, mix, request
from policyd.wire.connection import PolicyConnection


def test_requests_are_those_of_postfix() -> None:
    (asked,) = PolicyConnection().receive_data(request("d7.example"))
    assert (asked.protocol_state, asked.sender, asked.helo_name) == ("RCPT", "user@d7.example", "mail.d7.example")
    assert asked.client_address == mail(7).client_address


def test_every_mail_is_one_of_its_own() -> None:
    for workload in WORKLOADS:
        some = [PolicyConnection().receive_data(each)[0] for each in islice(workload.requests(), 200)]
        assert len({each.instance for each in some}) == 200
        domains = len({each.sender for each in some})
        assert domains == (50 if "known" in workload.name else 90 if "mix" in workload.name else 200), workload.name


def test_of_ten_mails_of_the_mix_seven_are_known() -> None:
    some = [PolicyConnection().receive_data(each)[0] for each in islice(mix(), 1000)]
    repeated = [each for each in some[500:] if any(each.sender == other.sender for other in some[:500])]
    assert len(repeated) == 400
