"""Lines of keys, among everything in TOML that looks like a key or a line end and is none."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from policyd.config.locate import locate


def test_sections_and_keys() -> None:
    lines = locate("# [no]\n\n[server] # [no]\nlisten = 1\n  backlog=2 # x = 1\n[ greylist ]\ndelay = 3")
    assert lines == {
        ("server",): 3, ("server", "listen"): 4, ("server", "backlog"): 5, ("greylist",): 6, ("greylist", "delay"): 7,
    }  # fmt: skip


def test_dotted_and_quoted_keys() -> None:
    lines = locate('greylist.delay = 1\n"a.b" . \'c d\' = 2\n[x."y\\u0021"]\nz = 3\n')
    assert lines["greylist", "delay"] == lines["greylist",] == 1
    assert lines["a.b", "c d"] == 2
    assert lines["x", "y!", "z"] == 4


def test_lists_over_several_lines_do_not_begin_statements() -> None:
    lines = locate('a = [\n  "x = ]", # b = 1 ]\n  [1],\n  \'[\',\n]\nb = { c = "}",\td = [1] }\ne = 1\n')
    assert lines == {("a",): 1, ("b",): 6, ("e",): 7}


def test_multi_line_strings_do_not_begin_statements() -> None:
    lines = locate('a = """\nb = 1 \\""" [c]\n""""\nd = \'\'\'\ne = "\n\\\'\'\'\nf = """"""\ng = ""\nh = 1')
    assert lines == {("a",): 1, ("d",): 4, ("f",): 7, ("g",): 8, ("h",): 9}


def test_the_tables_of_an_array_are_numbered() -> None:
    lines = locate("[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[x.a]]\ne = 4\n")
    assert lines == {
        ("a",): 1, ("a", 0): 1, ("a", 0, "b"): 2, ("a", 1): 3, ("a", 1, "b"): 4, ("a", 1, "c"): 5,
        ("a", 1, "c", "d"): 6, ("x",): 7, ("x", "a"): 7, ("x", "a", 0): 7, ("x", "a", 0, "e"): 8,
    }  # fmt: skip


def test_arrays_in_arrays() -> None:
    lines = locate("[[a]]\n[[a.b]]\n[[a.b]]\nc = 1\n[[a]]\n[[a.b]]\nc = 2\n")
    assert (lines["a", 0, "b", 1, "c"], lines["a", 1, "b", 0, "c"]) == (4, 7)


def test_the_first_of_several_places_counts() -> None:
    assert locate("a.b = 1\na.c = 2\n") == {("a",): 1, ("a", "b"): 1, ("a", "c"): 2}


VALUES = st.sampled_from(
    ["1", '"#"', "'\"'", "[ '[',\n]", '"""\nx = 1\n"""', "'''\n[y]\n'''", '"\\""', "{ z = [1] }", "[[1],\n# ]\n[2]]"]
)
ENDS = st.sampled_from(["\n", "\n\n", " # [c] = 'd\n", '\t\n# e = "\n'])


@given(st.lists(st.tuples(VALUES, ENDS), max_size=8), st.booleans())
def test_every_key_is_found_where_it_was_written(items: list[tuple[str, str]], is_in_section: bool) -> None:
    text = "[s]\n" if is_in_section else ""
    wanted = {}
    for number, (value, end) in enumerate(items):
        wanted[f"k{number}"] = text.count("\n") + 1
        text += f"k{number} = {value}{end}"
    tomllib.loads(text)
    prefix = ("s",) if is_in_section else ()
    found = locate(text)
    assert {key: found[*prefix, key] for key in wanted} == wanted
    assert len(found) == len(wanted) + len(prefix)
