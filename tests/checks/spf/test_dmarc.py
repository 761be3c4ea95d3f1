import asyncio

import pytest

from policyd.checks.spf.dmarc import enforces, read_policy, walk
from policyd.model.dns import Answer
from tests.lookups.doubles import DictResolver, Known


@pytest.mark.parametrize(
    ("texts", "policy"),
    [
        ([b"v=DMARC1; p=reject"], "reject"),
        ([b"V=dmarc1;P=Quarantine ;"], "quarantine"),
        ([b"v=DMARC1 ; sp=reject; p=none"], "none"),
        ([b"v=DMARC1; rua=mailto:x@a.example"], "none"),
        ([b"v=spf1 -all", b"v=DMARC1; p=reject"], "reject"),
        ([b"v=DMARC1; p=reject", b"v=DMARC1; p=reject"], None),
        ([b"v = DMARC1 ; p=reject"], "reject"),
        ([b"v=DMARC1"], "none"),
        ([b"v=DMARC2; p=reject"], None),
        ([b"v=DMARC10; p=reject"], None),
        ([b"x v=DMARC1; p=reject"], None),
        ([b"v=DMARC1; p=reject" + b";" * 3000], None),
        ([b"v=DMARC1; \xff; p=reject"], "reject"),
        ([], None),
    ],
)
def test_a_policy_is_read_or_there_is_none(texts: list[bytes], policy: str | None) -> None:
    assert read_policy(Answer(tuple(texts), 60, "found"), is_parent=False) == policy


def test_a_parent_may_say_something_else_of_its_children() -> None:
    answer = Answer((b"v=DMARC1; p=reject; sp=none",), 60, "found")
    assert read_policy(answer, is_parent=True) == "none"
    assert read_policy(Answer((b"v=DMARC1; p=reject",), 60, "found"), is_parent=True) == "reject"


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("a.example", ["a.example"]),
        ("x.a.example", ["x.a.example", "a.example"]),
        (".".join("abcdefghij") + ".example", [
            "a.b.c.d.e.f.g.h.i.j.example", "e.f.g.h.i.j.example", "f.g.h.i.j.example", "g.h.i.j.example",
            "h.i.j.example", "i.j.example", "j.example",
        ]),
    ],
)  # fmt: skip
def test_parents_are_asked_down_to_two_labels_and_not_too_many(domain: str, names: list[str]) -> None:
    assert list(walk(domain)) == names


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"_dmarc.x.a.example": (b"v=DMARC1; p=reject",)}, True),
        ({"_dmarc.a.example": (b"v=DMARC1; p=quarantine",)}, True),
        ({"_dmarc.a.example": (b"v=DMARC1; p=quarantine; sp=none",)}, False),
        ({"_dmarc.x.a.example": (b"v=DMARC1; p=none",), "_dmarc.a.example": (b"v=DMARC1; p=reject",)}, False),
        ({}, False),
        ({"_dmarc.x.a.example": "servfail"}, None),
        ({"_dmarc.a.example": "timeout"}, None),
    ],
)
def test_whether_a_domain_enforces_dmarc(known: dict[str, Known], *, expected: bool | None) -> None:
    resolver = DictResolver({(name, "TXT"): value for name, value in known.items()})
    assert asyncio.run(enforces(resolver, "x.a.example")) is expected


def test_a_name_too_long_for_a_policy_has_none() -> None:
    domain = ".".join(["a" * 60] * 4) + ".a.example"
    assert asyncio.run(enforces(DictResolver({}), domain)) is False
