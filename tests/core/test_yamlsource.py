"""What YAML text says: scalars as people mean them, places, bounds, and messages a person can act on."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.rulefiles import yamlreader
from mockserver.core.rulefiles.yamlplaces import dotted
from mockserver.core.rulefiles.yamlsource import read


@pytest.fixture(params=["C", "Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with the parser in C, and with the one in Python that stands in where C was not built."""
    name = str(request.param)
    if name == "Python":
        monkeypatch.setattr(yamlreader, "_LOADER", yaml.SafeLoader)
    elif not yaml.__with_libyaml__:
        pytest.skip("the parser in C is not built")
    return name


SCALARS: list[tuple[str, Any]] = [
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("2024-01-01", "2024-01-01"),
    ("2024-01-01 12:00:00", "2024-01-01 12:00:00"),
    ("1:30", "1:30"),
    ("0777", "0777"),
    ("-07", "-07"),
    ("007.5", "007.5"),
    ("1_000", "1_000"),
    ("0b11", "0b11"),
    ("0o17", 15),
    ("0x1F", 31),
    ("'12e45'", "12e45"),
    ("12e4", 120000.0),
    ("1e3x", "1e3x"),
    ("0", 0),
    ("-0", 0),
    ("+12", 12),
    ("-3", -3),
    ("1.50", 1.5),
    (".5", 0.5),
    ("5.", 5.0),
    (".", "."),
    ("1.2.3", "1.2.3"),
    ("25ms", "25ms"),
    ("~", None),
    ("null", None),
    ("Null", None),
    ("nULL", "nULL"),
    ("true", True),
    ("TRUE", True),
    ("tRUE", "tRUE"),
    ("False", False),
    ("=", "="),
    ("<<", "<<"),
    ("18446744073709551615", 2**64 - 1),
    ("-9223372036854775808", -(2**63)),
    ("!!str 12", "12"),
    ("!!float 3", 3.0),
    ("! 12", "12"),
    ("gpt-*", "gpt-*"),
    ("It is {{ x }}.", "It is {{ x }}."),
]


@pytest.mark.parametrize(("word", "value"), SCALARS)
def test_unquoted_words_mean_what_people_mean(parser: str, word: str, value: Any) -> None:
    source = read(f"key: {word}\n")
    assert source.problems == ()
    assert source.value == {"key": value}
    assert type(source.value["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # templates and other first characters that need quotes
        ("text: {{ x }}", "1:7: text: quote the text around `{{ … }}`: unquoted, `{` begins a YAML mapping"),
        ("text: {{ x }} it is", "1:7: text: quote the text around `{{ … }}`: unquoted, `{` begins a YAML mapping"),
        ("a: {b: It is {{ x }}}", "1:14: quote the text around `{{ … }}`: unquoted, `{` begins a YAML mapping"),
        (
            "glob: *-mini",
            "1:7: glob: an unquoted `*` begins a YAML alias, and no anchor `&-mini` stands before it"
            ' (if text is meant, quote it: "*-mini")',
        ),
        ("glob: *", "1:7: an unquoted `*` begins a YAML alias; quote the text"),
        ("glob: [gpt, *mini*]", "1:13: an unquoted `*` begins a YAML alias; quote the text"),
        ("text: @home", "1:7: text cannot begin with an unquoted `@`; quote it"),
        ("text: `x`", "1:7: text cannot begin with an unquoted backtick; quote it"),
        (
            "text: > x",
            "1:7: `>` begins a block of text on the lines below; quote the text if it is meant to begin with `>`",
        ),
        (
            "text: !now x",
            "1:7: text: the YAML tag `!now` has no meaning here (quote the text if it begins with `!`)",
        ),
        # structure
        ("a:\n\tb: 1", "2:1: a tab cannot indent YAML; use spaces"),
        ("a: x: y", "1:5: `: ` cannot stand here; quote the text that contains it, or check the indentation"),
        ("a: 'x", "1:4: this quote is never closed"),
        ("a: 'x' y", "1:8: text goes on after its closing quote; quote all of it, and double the quotes inside"),
        ("a: {x: 1\nb: 2", "2:2: the `{` of line 1 is not closed here, or a comma is missing"),
        ("a: [x\nb: 2", "2:2: the `[` of line 1 is not closed here, or a comma is missing"),
        ("a: {x: 1}}", "1:10: one `}` too many"),
        ("a:\n  - b\n c: 1", "3:2: this line does not fit the block that began on line 1; check its indentation"),
        ("- a\nb: 1", "2:1: this line does not fit the block that began on line 1; check its indentation"),
        ("a: - b", "1:4: a list cannot begin here; put `- ` on a line of its own"),
        ("a: 1\n---\nb: 2", "2:1: a second YAML document begins here; one file holds one document"),
        # keys
        ("a: 1\na: 2", "2:1: a: duplicate key, first at line 1, column 1 (keep one of them)"),
        ("a: {b: 1, 'b': 2}", "1:11: a.b: duplicate key, first at line 1, column 5 (keep one of them)"),
        ("12: x", '1:1: a key must be text; write "12"'),
        ("true: x", '1:1: a key must be text; write "true"'),
        ("? [a]\n: b", "1:3: a key must be text, not a mapping or a list"),
        ("a: &a [1]\n*a : b", "2:1: a key must be text; `*a` is not"),
        (": b", "1:1: a key is missing before `:`"),
        ("a: !!set {b}", "1:4: a: the YAML tag `!!set` has no meaning here (quote the text if it begins with `!`)"),
        ("a: !!int x", "1:4: a: `x` is not what its tag says (quote it to make it text)"),
        ("{<<: {a: 1}, <<: {b: 1}}", "1:14: duplicate key `<<` (it takes a list: `<<: [*one, *two]`)"),
        # values that JSON cannot hold
        ("a: .nan", "1:4: a: JSON has no `.nan` (quote it to make it text)"),
        ("a: -.inf", "1:4: a: JSON has no `-.inf` (quote it to make it text)"),
        ("a: 1e999", "1:4: a: `1e999` is bigger than any number (quote it to make it text)"),
        (
            "a: 18446744073709551616",
            "1:4: a: `18446744073709551616` does not fit in 64 bits (quote it to make it text)",
        ),
        ("a: x\x00", '1:5: the character U+0000 cannot stand here; write it as "\\x00" in double quotes'),
        ("a: x\u2028y", '1:5: the character U+2028 cannot stand here; write it as "\\u2028" in double quotes'),
        # aliases and merges
        ("a: &a [*a]", "1:8: a[0]: the alias `*a` stands inside the very value it names"),
        ("a: {<<: 3}", "1:9: a: `<<` takes a mapping or a list of mappings (write e.g. `<<: *name`)"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_remedy(parser: str, text: str, told: str) -> None:
    assert [str(problem) for problem in read(text, "f.yaml").problems] == [f"f.yaml:{told}"]


def test_several_mistakes_come_at_once_in_file_order() -> None:
    source = read("b: *gone\na: 1\nc: .inf\na: 2\n7: x\n")
    assert [(problem.line, problem.column) for problem in source.problems] == [(1, 4), (3, 4), (4, 1), (5, 1)]
    assert not source.broken


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff", "~"])
def test_an_empty_file_is_null_without_problems(parser: str, text: str) -> None:
    source = read(text)
    assert (source.value, source.problems, source.broken) == (None, (), False)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(parser: str) -> None:
    source = read("\ufeffa: 1\r\nb:\r\n  c: x\r\n  t: |\r\n    one\r\n    two\r\n")
    assert source.value == {"a": 1, "b": {"c": "x", "t": "one\ntwo\n"}}
    assert source.place(("b", "c")) == (3, 3)


PLACES = """\
rules:
  - name: one
    when: {model: "gpt-*", input: {contains: 'a "b"'}}
    reply:
      text: >
        Hello {{ inptu }}
  - &two
    name: two
again: *two
merged:
  <<: *two
  own: 1
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), (1, 1)),
        (("rules",), (1, 1)),
        (("rules", 0), (2, 5)),
        (("rules", 0, "name"), (2, 5)),
        (("rules", 0, "when"), (3, 5)),
        (("rules", 0, "when", "input"), (3, 28)),
        (("rules", 0, "when", "input", "contains"), (3, 36)),
        (("rules", 0, "when", "input", "glob"), (3, 28)),  # goes further than the file
        (("rules", 0, "reply", "text"), (5, 7)),
        (("rules", 1, "name"), (8, 5)),
        (("again", "name"), (8, 5)),  # an alias is where its anchor is
        (("merged", "name"), (8, 5)),
        (("merged", "own"), (12, 3)),
        (("nothing", 3), (1, 1)),
    ],
)
def test_every_path_has_its_line_and_column(parser: str, path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert read(PLACES).place(path) == place


def test_a_snippet_is_found_inside_its_value(parser: str) -> None:
    source = read(PLACES)
    assert source.place(("rules", 0, "reply", "text"), "{{ inptu }}") == (6, 15)
    assert source.place(("rules", 0, "reply", "text"), "not there") == (5, 7)
    assert source.known(("rules", 0, "reply", "text", 3)) == ("rules", 0, "reply", "text")


def test_merge_keys_give_way_to_own_keys_and_to_earlier_sources(parser: str) -> None:
    source = read("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 0\nd: {<<: *a}\ne: {'<<': 1}\n")
    assert source.problems == ()
    assert source.value["c"] == {"x": 0, "y": 1, "z": 2}
    assert source.value["d"] == {"x": 1, "y": 1}
    assert source.value["e"] == {"<<": 1}


def test_an_alias_of_a_text_may_be_a_key(parser: str) -> None:
    assert read("a: &name x\nb: {*name : 1}\n").value == {"a": "x", "b": {"x": 1}}


def test_aliases_of_aliases_are_bounded(parser: str) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    began = time.thread_time()
    source = read("\n".join(lines), "f")
    assert time.thread_time() - began < 1
    assert source.broken
    assert source.problems[-1].message == "the aliases of this file stand for more than 100000 values"


def test_a_long_text_repeated_by_alias_counts_by_its_length() -> None:
    text = "a: &a " + "x" * 100_000 + "\nb: [" + ", ".join(["*a"] * 200) + "]"
    assert read(text).broken


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_quickly(parser: str, opening: str) -> None:
    began = time.thread_time()
    source = read(opening * 20_000)
    assert time.thread_time() - began < 2
    assert [problem.message for problem in source.problems] == ["nested deeper than 100 levels"]


def test_nesting_counts_through_aliases() -> None:
    half = "[" * 60 + "]" * 60
    assert not read(f"a: &a {half}").problems
    assert [problem.message for problem in read(f"a: &a {half}\nb: {'[' * 60}*a{']' * 60}").problems] == [
        "nested deeper than 100 levels"
    ]


def test_half_a_surrogate_pair_never_becomes_text(parser: str) -> None:
    source = read('a: "\\ud800"')
    assert source.problems
    assert source.problems[0].line == 1


TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_json_is_yaml(value: Any) -> None:
    """A JSON text reads as the same value: whoever writes rule files by program may write JSON."""
    source = read(json.dumps(value))
    assert source.problems == ()
    assert source.value == value


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab: -{}[]&*!|>'\"%@`#,?\n\t\r<~0.9é\u2028\x00"), max_size=60))
def test_any_text_is_read_or_explained(text: str) -> None:
    source = read(text, "f")
    assert source.problems or not source.broken
    for problem in source.problems:
        assert problem.message
        assert 1 <= problem.line <= text.count("\n") + text.count("\r") + 2


def test_paths_are_written_as_people_write_them() -> None:
    assert dotted(("rules", 2, "when", "body", "$.tools[0]")) == 'rules[2].when.body["$.tools[0]"]'
    assert dotted(()) == ""
    assert dotted((0, "a-b")) == "[0].a-b"
