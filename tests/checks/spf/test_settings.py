from typing import get_args

import pytest

from policyd.checks.spf.settings import Actions, DomainSettings, Settings, check_domain, check_host
from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfLimits


@pytest.mark.parametrize("result", get_args(SpfResult))
def test_only_a_fail_is_refused_unless_the_administrator_says_so(result: SpfResult) -> None:
    assert Actions().of(result) == ("reject" if result == "fail" else "tag")
    assert DomainSettings(("a.example",)).of(result) is None


def test_pass_can_be_written_though_python_cannot() -> None:
    assert Actions(pass_="none").of("pass") == "none"
    assert DomainSettings(("a.example",), pass_="none").of("pass") == "none"


def test_who_asks_for_nothing_is_idle() -> None:
    nothing = Actions("none", "none", "none", "none", "none", "none", "none")
    assert nothing.is_idle
    assert not Actions().is_idle
    assert not Actions("none", "none", "none", "none", "none", "none", "tag").is_idle


@pytest.mark.parametrize(
    ("name", "domain", "expected"),
    [
        ("a.example", "a.example", True),
        ("A.Example", "a.example", True),
        ("a.example", "x.a.example", False),
        (".a.example", "x.a.example", True),
        (".a.example", "a.example", False),
        (".a.example", "xa.example", False),
    ],
)
def test_a_domain_is_itself_and_a_dot_is_what_lies_below(name: str, domain: str, *, expected: bool) -> None:
    assert DomainSettings((name,)).covers(domain) is expected
    assert DomainSettings(("other.example", name)).covers(domain) is expected


@pytest.mark.parametrize(
    "text", ["", "example", "a b.example", "user@a.example", "192.0.2.1", "*.a.example", "b\xfccher.example"]
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no domain"):
        check_domain(text)


def test_where_hosts_are_wanted_a_dot_in_front_is_refused() -> None:
    check_host("mx.a.example")
    with pytest.raises(ValueError, match="without a dot in front"):
        check_host(".a.example")
    with pytest.raises(ValueError, match="is no domain"):
        check_host("a b.example")


@pytest.mark.parametrize("text", ["", " x", "x ", "line\nline", "\xe4", "x" * 201])
def test_texts_that_cannot_be_sent_are_refused(text: str) -> None:
    for option in ("text", "error_text"):
        with pytest.raises(ValueError, match=f"^{option}: "):
            Settings(**{option: text})


@pytest.mark.parametrize("text", ["not from %q", "%s", "%D"])
def test_placeholders_that_nothing_fills_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^text: .* stands for nothing: write %c, %d, %h or %i"):
        Settings(text=text)


def test_a_percent_sign_alone_is_only_that() -> None:
    assert Settings(text="100% of %d, 100%").text == "100% of %d, 100%"


def test_an_override_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^names: "):
        DomainSettings()


def test_the_defaults_are_the_rfcs_limits() -> None:
    assert Settings().limits() == SpfLimits()
