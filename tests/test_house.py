"""The house checks itself: what is written in several places says the same in all of them.

Law: nothing here knows a module, an option or a metric by name; what is added is checked because it is there.
"""

import ast
import importlib
import os
import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final, get_args, get_origin, get_type_hints

import pytest

from policyd import __version__, config
from policyd.checks import REGISTRY
from policyd.cli import VERBS
from policyd.config.convert import convert
from policyd.config.settings import ARRAYS, SECTIONS, Common
from policyd.logs.lines import NAMES
from policyd.model.verdict import Reason
from policyd.tables.patterns import repeats_group_possessively

ROOT: Final = Path(__file__).parent.parent
MODULES: Final = sorted((ROOT / "policyd").rglob("*.py"))
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ASIDE: Final = [*sorted((ROOT / "bench").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]
MAX_FUNCTION, MAX_FILE, MAX_NESTING = 40, 300, 3

_CONTROL = ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.TryStar | ast.Match
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def read(page: str) -> str:
    path = ROOT / page
    return path.read_text("utf-8") if path.exists() else pytest.fail(f"{page} is missing", pytrace=False)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(parsed(path)) if isinstance(node, _FUNCTION))


def has_tests(path: Path) -> bool:
    return any(name.startswith("test_") for name in (path.name, *(function.name for function in functions(path))))


def nesting(node: ast.AST) -> int:
    """How many control statements stand inside each other below `node`; `elif` is no deeper than its `if`."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, nesting(child) + (isinstance(child, _CONTROL) and not is_elif))
    return deepest


# --- code ---


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_has_its_test_file(path: Path) -> None:
    if path.name in ("__init__.py", "__main__.py"):
        return
    twin = ROOT / "tests" / path.relative_to(ROOT / "policyd").with_name(f"test_{path.name}")
    assert twin.exists(), f"{name_of(path)} has no {name_of(twin)}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_begins_with_its_law(path: Path) -> None:
    assert ast.get_docstring(parsed(path)), f"{name_of(path)} has no docstring that says what it is for"


# A test file is as long as its cases are; dev is one file, because it must run where nothing is installed yet.
@pytest.mark.parametrize("path", [*MODULES, *(path for path in ASIDE if not has_tests(path))], ids=name_of)
def test_files_are_short(path: Path) -> None:
    lines = path.read_text("utf-8").count("\n")
    assert lines <= MAX_FILE, f"{name_of(path)} has {lines} lines"


@pytest.mark.parametrize("path", [*MODULES, *ASIDE, ROOT / "dev"], ids=name_of)
def test_functions_are_short_and_flat(path: Path) -> None:
    for function in functions(path):
        place = f"{name_of(path)}:{function.lineno}: {function.name}"
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= MAX_FUNCTION, f"{place} has {lines} lines"
        assert nesting(function) <= MAX_NESTING, f"{place} has control statements {nesting(function)} deep"


def test_nesting_is_counted_as_a_reader_sees_it() -> None:
    assert nesting(ast.parse("if a:\n    pass\nelif b:\n    pass\nelif c:\n    pass\nelse:\n    pass")) == 1
    assert nesting(ast.parse("for a in b:\n    try:\n        if c: d\n    finally:\n        while e: f")) == 3
    assert nesting(ast.parse("if a:\n    pass\nelse:\n    if b: pass\n    c")) == 2


def patterns_of(path: Path) -> Iterator[re.Pattern[Any]]:
    """The regular expressions that a module has when it was imported."""
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for value in vars(module).values():
        held = value.values() if isinstance(value, dict) else [value]
        yield from (each for each in held if isinstance(each, re.Pattern))


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__main__.py"], ids=name_of)
def test_no_pattern_means_something_else_to_an_older_python(path: Path) -> None:
    for pattern in patterns_of(path):
        assert not repeats_group_possessively(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)), pattern


# --- settings ---


def shipped() -> str:
    """The shipped configuration with the comment signs before options and sections taken away."""
    return re.sub(r"(?m)^# ?(?=[a-z][a-z0-9_]* = |\[{1,2}[a-z])", "", read("conf/policyd.toml"))


def assert_names_all(place: str, kind: type, table: dict[str, Any], also: Collection[str] = ()) -> None:
    """`table` has all options of `kind`, perhaps some of `also`, and nothing else; of an array of tables it has one."""
    options = {field.name.rstrip("_"): get_type_hints(kind)[field.name] for field in fields(kind)}
    differences = (set(table) ^ set(options)) - set(also)
    assert not differences, f"conf/policyd.toml {place}: differs in {sorted(differences)}"
    for name, hint in options.items():
        if inner := element_of(hint):
            assert_names_all(f"{place} {name}", inner, *table[name])
        elif is_dataclass(hint):
            assert_names_all(f"{place} {name}", hint, table[name])


def assert_defaults(place: str, kind: type, table: dict[str, Any]) -> None:
    """Every value of `table` is the option's default; the table of an array is an example."""
    for field in fields(kind):
        hint, value = get_type_hints(kind)[field.name], table[field.name.rstrip("_")]
        if is_dataclass(hint):
            assert_defaults(f"{place} {field.name}", hint, value)
        elif not element_of(hint):
            default = getattr(kind(), field.name)
            assert convert(value, hint, field.metadata) == default, (
                f"conf/policyd.toml {place} {field.name}: not the default"
            )


def element_of(hint: Any) -> type | None:
    """The dataclass of an option that is an array of tables."""
    element = get_args(hint)[0] if get_origin(hint) is tuple else None
    return element if is_dataclass(element) else None  # type: ignore[return-value]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_shipped_configuration_names_every_option_with_its_default(section: str) -> None:
    tables, kind = tomllib.loads(shipped()), SECTIONS[section]
    assert section in tables, f"conf/policyd.toml has no [{section}]"
    common = [field.name for field in fields(Common)] if section in REGISTRY else ()
    assert_names_all(f"[{section}]", kind, tables[section], common)
    assert_defaults(f"[{section}]", kind, tables[section])


@pytest.mark.parametrize("array", ARRAYS)
def test_the_shipped_configuration_has_an_example_of_every_array(array: str) -> None:
    assert_names_all(f"[[{array}]]", ARRAYS[array], *tomllib.loads(shipped())[array])


def test_the_shipped_configuration_shows_the_hours_that_all_checks_have() -> None:
    tables = tomllib.loads(shipped())
    common = {field.name: field.default for field in fields(Common)}
    assert any(common.items() <= tables[check].items() for check in REGISTRY)


def test_the_shipped_configuration_is_good_without_its_comment_signs() -> None:
    config.parse(shipped(), "conf/policyd.toml")


def test_the_shipped_configuration_is_taken_as_it_is() -> None:
    config.parse(read("conf/policyd.toml"), "conf/policyd.toml")


# --- documentation ---


@pytest.mark.parametrize("check", REGISTRY)
def test_every_check_has_its_page_with_its_options(check: str) -> None:
    page = read(f"docs/{check}.md")
    missing = [field.name for field in fields(REGISTRY[check].settings) if f"`{field.name}`" not in page]
    assert not missing, f"docs/{check}.md does not explain {missing}"


def test_every_metric_is_documented() -> None:
    names = {
        node.value
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and re.fullmatch(r"policyd_[a-z0-9_]+", str(node.value))
    }
    assert names
    page = read("docs/metrics.md")
    # prometheus_client adds the ending to counters and infos.
    missing = [name for name in sorted(names) if not re.search(rf"\b{name}(_total|_info)?\b", page)]
    assert not missing, f"docs/metrics.md does not explain {missing}"


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_is_documented(reason: str) -> None:
    assert f"`{reason}`" in read("docs/log.md")


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_a_decision_is_documented(name: str) -> None:
    assert f'"{name}": ' in read("docs/log.md")
    assert f"`POLICYD_{name.upper()}`" in read("docs/log.md")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented(verb: str) -> None:
    pages = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert re.search(rf"\bpolicyd {verb}\b", pages), f"neither README.md nor docs/ show `policyd {verb}`"


@pytest.mark.parametrize("verb", VERBS)
def test_the_manual_page_has_every_verb(verb: str) -> None:
    page = read("docs/man/policyd.8.md")
    synopsis, _, rest = page.partition("# DESCRIPTION")
    assert re.search(rf"(?m)^\*\*policyd .*\b{verb}\b", synopsis), f"the synopsis lacks {verb}"
    assert f"\n## policyd {verb}\n" in rest


@pytest.mark.parametrize("section", [*SECTIONS, *ARRAYS])
def test_operations_tell_when_every_section_takes_effect(section: str) -> None:
    table = read("docs/operations.md").partition("\n## Reload or restart\n")[2].partition("\n## ")[0]
    assert f"[{section}]" in table, f"docs/operations.md does not say when [{section}] takes effect"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{name_of(page)} links to {target}"


def test_the_version_is_in_the_changelog() -> None:
    assert f"## [{__version__}]" in read("CHANGELOG.md")


# --- everything ---


def files() -> Iterator[Path]:
    """All files of the checkout but what tools leave behind."""
    for directory, names, here in os.walk(ROOT):
        names[:] = [name for name in names if name == ".ci" or not name.startswith((".", "__pycache__"))]
        yield from (Path(directory, name) for name in here)


def test_no_file_names_a_machine_or_a_package_host() -> None:
    # Written so that they do not find themselves.
    forbidden = re.compile(rb"/(?:wor[k]|roo[t])/|/tmp/ven[v]|pyp[i]\.org|pythonhoste[d]|de[b]\.debian|registr[y]\.npm")
    found = [f"{name_of(path)}: {match[0]!r}" for path in files() for match in forbidden.finditer(path.read_bytes())]
    assert not found
