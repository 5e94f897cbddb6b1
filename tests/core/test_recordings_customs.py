"""`recordings.yaml`: what it says, and every mistake in it at once."""

from __future__ import annotations

import pytest

from mockserver.core.recordings.customs import Customs, Match, Pattern, Redact, parse

WHOLE = r"""
match: {ignore: [$.metadata.run_id, "$..id"], mask: [date, 'build-\d+'], either_encoding: true}
max_age: 12w
redact:
  patterns: [{name: employee, pattern: 'E-\d{6}'}]
  fields: [$.user, headers.x-tenant, query.who]
  emails: true
"""


def test_all_of_it_is_read() -> None:
    """Each key means something; weeks are days."""
    assert parse(WHOLE, "recordings.yaml") == Customs(
        Match(("$.metadata.run_id", "$..id"), ("date", r"build-\d+"), True),
        84,
        Redact((Pattern("employee", r"E-\d{6}"),), ("$.user", "headers.x-tenant", "query.who"), True),
        "recordings.yaml",
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}"])
def test_an_empty_file_says_that_all_is_as_usual(text: str) -> None:
    """It is no mistake."""
    assert parse(text, "f") == Customs(file="f")


def test_one_needs_no_list() -> None:
    """As everywhere in rule files."""
    assert parse("match: {ignore: $.user, mask: date}", "f").match == Match(("$.user",), ("date",))


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "match: {ignore: user, mask: dat}\nmax_age: 90\n",
            [
                "f:1:9: match.ignore: expected a JSONPath that starts with $, got 'user' (write $.user)",
                "f:1:23: match.mask: unknown mask 'dat' (did you mean `date`?)",
                "f:2:1: max_age: expected an age such as 90d or 12w, got `90` (did you mean `90d`?)",
            ],
        ),
        ("match: {ignore: $}", ["f:1:9: match.ignore: ignores the whole body (name a field such as $.metadata)"]),
        (
            "max_age: 3 months",
            ["f:1:1: max_age: expected an age such as 90d or 12w, got `3 months` (days or weeks; leave it out for no limit)"],
        ),
        (
            "redact: {patterns: [{name: a b, pattern: '('}, {name: all, pattern: 'x*'}]}",
            [
                "f:1:22: redact.patterns[0].name: expected a short name such as employee-id, got `a b`"
                " (small letters, digits, - and _)",
                "f:1:33: redact.patterns[0].pattern: not a regular expression:"
                " missing ), unterminated subpattern at character 1 of '('",
                "f:1:60: redact.patterns[1].pattern: 'x*' matches nothing at all, so everywhere"
                " (let it match at least one character)",
            ],
        ),
        (
            "redact: {patterns: [{name: much, pattern: 'a{99999999999}'}]}",
            [
                "f:1:34: redact.patterns[0].pattern: not a usable regular expression:"
                " the repetition number is too large"
            ],
        ),
        (
            "redact: {fields: user}",
            ["f:1:10: redact.fields: expected a JSONPath or headers.NAME or query.NAME, got `user`"],
        ),
        ("ignore: [$.user]", ["f:1:1: ignore: unknown key `ignore` in recordings.yaml (`ignore` belongs inside `match`)"]),
        (
            "rules: []",
            ["f:1:1: rules: unknown key `rules` in recordings.yaml (`rules` belongs in a rule file, NAME.mock.yaml)"],
        ),
        ("[1]", ["f:1:1: expected recordings.yaml, a mapping; got a list (write e.g. `match: {mask: [date]}`)"]),
    ],
)  # fmt: skip
def test_every_mistake_is_told_at_once(text: str, problems: list[str]) -> None:
    """Where, what, and how to mend it."""
    found = parse(text, "f")
    assert [str(problem) for problem in found.problems] == problems
    assert not found.usable


def test_a_file_adds_to_its_folder() -> None:
    """Ignored and masked is what either says; the nearer one decides about encodings."""
    below = Match(("$.a",), ("date",), True)
    assert Match(("$.b", "$.a"), ("time",)).over(below) == Match(("$.a", "$.b"), ("date", "time"), True)
    assert Match(either_encoding=False).over(below).either_encoding is False
