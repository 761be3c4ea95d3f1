"""What every Resolver does, whoever stands behind it: the real one, and the double that other rooms test with."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, TypeVar

import pytest

from policyd.model.dns import Answer, DnsUnavailable, Mx, RecordType, Resolver
from tests.lookups.doubles import Known

T = TypeVar("T")
LONG = ".".join(["a" * 63] * 3 + ["b" * 61])
WORLD: Mapping[tuple[str, RecordType], Known] = {
    ("a.example", "A"): ("192.0.2.1", "192.0.2.2"),
    ("a.example", "AAAA"): ("2001:db8::1",),
    ("a.example", "MX"): (Mx(10, "mx.example"), Mx(20, "mx2.example")),
    ("a.example", "TXT"): (b"v=spf1 -all", b"caf\xe9"),
    ("nomail.example", "MX"): (Mx(0, ""),),
    ("alias.example", "CNAME"): ("a.example",),
    ("example", "NS"): ("ns.example",),
    ("1.2.0.192.in-addr.arpa", "PTR"): ("host.example",),
    ("text.example", "SPF"): (b"v=spf1 -all",),
    ("_25._tcp.example", "TLSA"): (b"\x03\x01\x01" + bytes(32),),
    (LONG, "A"): ("192.0.2.3",),
    ("odd _/\\name.example", "A"): ("192.0.2.4",),
    ("empty.example", "A"): "no data",
    ("gone.example", "A"): "no name",
    ("broken.example", "A"): "servfail",
    ("closed.example", "A"): "refused",
}


class ResolverContract:
    """Subclasses say how to open a resolver of WORLD whose server takes a little time."""

    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            return runner.run(coroutine)

    def open(self) -> AbstractAsyncContextManager[Resolver]:
        raise NotImplementedError

    def ask(self, name: str, kind: RecordType = "A") -> Answer:
        async def asking() -> Answer:
            async with self.open() as resolver:
                return await resolver.resolve(name, kind)

        return self.run(asking())

    @pytest.mark.parametrize(
        ("name", "kind"), [question for question, known in WORLD.items() if not isinstance(known, str)]
    )
    def test_records_come_as_plain_values(self, name: str, kind: RecordType) -> None:
        answer = self.ask(name, kind)
        assert (answer.records, answer.outcome, answer.ttl) == (WORLD[name, kind], "found", 60)

    @pytest.mark.parametrize(("name", "outcome"), [("empty.example", "no data"), ("gone.example", "no name")])
    def test_nothing_is_an_answer(self, name: str, outcome: str) -> None:
        assert self.ask(name) == Answer((), 60, outcome)  # type: ignore[arg-type]

    @pytest.mark.parametrize(("name", "reason"), [("broken.example", "servfail"), ("closed.example", "refused")])
    def test_no_answer_is_never_nothing(self, name: str, reason: str) -> None:
        with pytest.raises(DnsUnavailable) as caught:
            self.ask(name)
        assert caught.value.reason == reason

    @pytest.mark.parametrize(
        "name", ["", ".", "a..example", ".example", "a" * 64 + ".example", f"{LONG}.c", "b\xe9.example", "a\nb.example"]
    )
    def test_what_is_no_name_is_not_asked(self, name: str) -> None:
        with pytest.raises(DnsUnavailable) as caught:
            self.ask(name)
        assert caught.value.reason == "bad name"

    def test_case_and_the_last_dot_do_not_matter(self) -> None:
        assert self.ask("A.Example.").records == ("192.0.2.1", "192.0.2.2")

    def test_what_was_answered_is_known_at_once(self) -> None:
        async def asking() -> None:
            async with self.open() as resolver:
                for name in ("a.example", "gone.example", "empty.example"):
                    assert resolver.cached(name, "A") is None
                    answer = await resolver.resolve(name, "A")
                    assert resolver.cached(name.upper() + ".", "A") == answer
                assert resolver.cached("a.example", "TXT") is None

        self.run(asking())

    def test_no_answer_is_never_known(self) -> None:
        async def asking() -> None:
            async with self.open() as resolver:
                with pytest.raises(DnsUnavailable):
                    await resolver.resolve("broken.example", "A")
                assert resolver.cached("broken.example", "A") is None

        self.run(asking())

    def test_who_gives_up_takes_nobody_with_him(self) -> None:
        async def asking() -> None:
            async with self.open() as resolver:
                impatient = asyncio.ensure_future(resolver.resolve("a.example", "A"))
                patient = asyncio.ensure_future(resolver.resolve("a.example", "A"))
                await asyncio.sleep(0)
                impatient.cancel()
                assert (await patient).outcome == "found"
                assert impatient.cancelled()

        self.run(asking())

    @pytest.mark.parametrize("name", ["a.example", "gone.example", "broken.example", "b..example"])
    def test_who_hears_is_told_once_what_others_get(self, name: str) -> None:
        async def asking() -> None:
            async with self.open() as resolver:
                told: list[Answer | DnsUnavailable] = []
                resolver.seek(name, "A", told.append)
                try:
                    answer: Answer | DnsUnavailable = await resolver.resolve(name, "A")
                except DnsUnavailable as error:
                    answer = error
                await asyncio.sleep(0.05)
                assert [str(each) for each in told] == [str(answer)]

        self.run(asking())

    @pytest.mark.parametrize("name", ["a.example", "b..example"])
    def test_nobody_hears_before_he_has_asked(self, name: str) -> None:
        async def asking() -> None:
            async with self.open() as resolver:
                with suppress(DnsUnavailable):
                    await resolver.resolve(name, "A")
                told: list[Answer | DnsUnavailable] = []
                resolver.seek(name, "A", told.append)
                resolver.seek(name, "A", told.append).cancel()
                assert not told
                await asyncio.sleep(0.01)
                assert len(told) == 1

        self.run(asking())

    def test_who_cancels_hears_nothing(self) -> None:
        async def asking() -> None:
            async with self.open() as resolver:
                told: list[Answer | DnsUnavailable] = []
                gone = resolver.seek("a.example", "A", told.append)
                await asyncio.sleep(0)
                gone.cancel()
                assert (await resolver.resolve("a.example", "A")).outcome == "found"
                await asyncio.sleep(0.05)
                gone.cancel()
                assert not told

        self.run(asking())

    def test_hundreds_at_once_are_all_answered(self) -> None:
        async def asking() -> None:
            async with self.open() as resolver:
                answers = await asyncio.gather(*(resolver.resolve(f"n{n}.example", "A") for n in range(300)))
                assert {answer.outcome for answer in answers} == {"no name"}

        self.run(asking())

    def test_many_are_answered_together(self) -> None:
        async def asking() -> list[Answer]:
            async with self.open() as resolver:
                questions = [question for question, known in WORLD.items() if not isinstance(known, str)]
                return await asyncio.gather(*(resolver.resolve(*question) for question in questions * 5))

        answers = self.run(asking())
        assert [answer.records for answer in answers] == [v for v in WORLD.values() if not isinstance(v, str)] * 5
