import asyncio

import dns.message
import dns.rcode

from bench.spf_dns import CLIENT, answer, record
from policyd.lookups.dns.codec import encode, query, read
from policyd.lookups.spf import open_evaluator
from policyd.model.dns import Answer
from policyd.model.spf import SpfAnswer, SpfLimits, SpfQuestion
from tests.lookups.doubles import DictResolver
from tests.lookups.spf.world import address


def test_answers_are_whole_messages() -> None:
    for name, code in (("d7.example", "NOERROR"), ("_n1.d7.example", "NOERROR"), ("mail.d7.example", "NXDOMAIN")):
        message = dns.message.from_wire(answer(query(7, encode(name, "TXT"))))
        assert (message.id, dns.rcode.to_text(message.rcode())) == (7, code)
    asked = encode("mail.d7.example", "TXT")
    nothing = read(answer(query(7, asked)), asked, "TXT")
    assert isinstance(nothing, Answer)
    assert nothing.ttl > 0  # or no cache would keep it


def test_a_customers_record_is_that_of_the_large_sender() -> None:
    includes = " ".join(f"include:_n{number}.big.example" for number in (1, 2, 3))
    assert record(["s7", "example"]) == f"v=spf1 {includes} ~all"
    assert record(["a", "example"]) == record(["example"]) == ""


def test_the_client_passes_by_the_last_include() -> None:
    names = ["d1.example", "_n1.d1.example", "_n2.d1.example", "_n3.d1.example"]
    resolver = DictResolver({(name, "TXT"): (record(name.split(".")).encode(),) for name in names})
    evaluator = open_evaluator(resolver, SpfLimits(), "mx.example")

    async def asking() -> SpfAnswer:
        return await evaluator.evaluate(SpfQuestion(address(CLIENT), "", "user@d1.example"), 5)

    found = asyncio.run(asking())
    assert (found.result, found.mechanism) == ("pass", "include:_n3.d1.example")
    assert resolver.asked == [(name, "TXT") for name in names]
