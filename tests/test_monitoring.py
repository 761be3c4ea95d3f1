"""Alerts and dashboard name metrics and labels that exist: those of docs/metrics.md, which the real page is held to."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parent.parent
RULES: Final = ROOT / "conf/prometheus/policyd.rules.yml"
DASHBOARD: Final = ROOT / "conf/grafana/policyd.json"
OTHERS: Final = {"up": set[str](), "vector": set[str]()}
"""Not ours: Prometheus makes one of them itself."""
EVERYWHERE: Final = {"instance", "job", "le"}


def documented() -> dict[str, set[str]]:
    """Every metric of docs/metrics.md as Prometheus has it, and its labels."""
    found: dict[str, set[str]] = {}
    row = re.compile(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|\s*([^|]*?)\s*\|\s*([^|]*?)\s*\|", re.MULTILINE)
    for names, kind, labels in row.findall((ROOT / "docs/metrics.md").read_text("utf-8")):
        for name in re.findall("`([a-z_]+)`", names):
            endings = ("_bucket", "_count", "_sum") if kind.strip() in ("histogram", "summary") else ("",)
            found |= {name + ending: set(re.findall("`([a-z_]+)`", labels)) for ending in endings}
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Every PromQL expression, with where it stands."""
    text = RULES.read_text("utf-8")
    for alert in text.split("- alert: ")[1:]:
        name, _, rest = alert.partition("\n")
        yield name, rest.partition("annotations:")[0].partition("expr:")[2].partition("labels:")[0]
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def metrics_in(expression: str) -> set[str]:
    without_texts = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b((?:policyd|process)_[a-z_]+|up)\b", without_texts))


def labels_in(expression: str) -> set[str]:
    by = {name for group in re.findall(r"\bby \(([^)]*)\)", expression) for name in re.split(r",\s*", group)}
    return by | set(re.findall(r'\b([a-z_]+)\s*(?:=~|!=|=)\s*"', expression))


EXPRESSIONS: Final = list(expressions())


@pytest.mark.parametrize(("place", "expression"), EXPRESSIONS, ids=[place for place, _ in EXPRESSIONS])
def test_what_is_asked_for_exists(place: str, expression: str) -> None:
    known = documented() | OTHERS
    names = metrics_in(expression)
    assert names, f"{place} asks for nothing"
    assert names <= set(known), f"{place}: no such metric: {names - set(known)}"
    labels = set().union(*(known[name] for name in names)) | EVERYWHERE
    assert labels_in(expression) <= labels, f"{place}: no such label: {labels_in(expression) - labels}"


@pytest.mark.parametrize("panel", json.loads(DASHBOARD.read_text("utf-8"))["panels"], ids=lambda panel: panel["title"])
def test_legends_name_labels_that_are_there(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        kept = labels_in(target["expr"]) | {"instance", "version", "zone", "python"}
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept


def test_every_alert_is_explained() -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    names = re.findall(r"- alert: (\w+)", RULES.read_text("utf-8"))
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_alert_has_a_test_that_sees_it_fire_and_one_that_does_not() -> None:
    tests = (ROOT / "conf/prometheus/policyd.rules.test.yml").read_text("utf-8")
    for name in re.findall(r"- alert: (\w+)", RULES.read_text("utf-8")):
        assert re.search(rf"alertname: {name}, exp_alerts: \[\]", tests), f"nothing shows that {name} can be silent"
        assert re.search(rf"alertname: {name}\n +exp_alerts:\n", tests), f"nothing shows that {name} can fire"


def test_panels_are_told_apart() -> None:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)


def test_a_metric_that_does_not_exist_is_found() -> None:
    assert metrics_in('rate(policyd_nothing_total{a="policyd_text"}[5m])') == {"policyd_nothing_total"}
    assert labels_in('sum by (a, b) (x{c=~"d", e!="f"})') == {"a", "b", "c", "e"}
