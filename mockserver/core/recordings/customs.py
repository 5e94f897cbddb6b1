"""The customs of a folder of recordings: what may differ, how old they may be, what is secret. `recordings.yaml`.

This room decides what that file may say. It must not open files, nor know how bodies are compared or secrets found: it
hands on what it read.

    match: {ignore: [$.metadata.run_id], mask: [date], either_encoding: true}
    max_age: 90d
    redact:
      patterns: [{name: employee, pattern: 'E-\\d{6}'}]
      fields: [$.user, headers.x-tenant]
      emails: true
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.errors import Problem, Report
from mockserver.core.items.fields import described
from mockserver.core.messages import Json
from mockserver.core.rulefiles.forms import BOOLEAN, LINE, WRONG, Form, Key, Leaf, Path, listed
from mockserver.core.rulefiles.telling import Teller
from mockserver.core.rulefiles.yamlsource import read
from mockserver.core.rules.expressions import compiled
from mockserver.core.rules.jsonpath import compile_path
from mockserver.core.rules.masks import KINDS, compile_masks

FILE: Final = "recordings.yaml"
"""What such a file is called."""


@dataclass(frozen=True, slots=True)
class Match:
    """What may differ between a recorded request and one that it answers.

    `ignore` are JSONPaths into the body, `mask` kinds of text or patterns. With `either_encoding` a recorded stream also
    answers the same request asked as JSON, and the reverse; None leaves that open.
    """

    ignore: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    either_encoding: bool | None = None

    def over(self, below: Match) -> Match:
        """Return both as one: this one adds to `below`, and decides what both decide."""
        return Match(
            tuple(dict.fromkeys((*below.ignore, *self.ignore))),
            tuple(dict.fromkeys((*below.mask, *self.mask))),
            below.either_encoding if self.either_encoding is None else self.either_encoding,
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """What else is secret: a regular expression, and the name that its placeholder gets."""

    name: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Redact:
    """What else is secret. A field is a JSONPath into bodies, or `headers.NAME` or `query.NAME`."""

    patterns: tuple[Pattern, ...] = ()
    fields: tuple[str, ...] = ()
    emails: bool = False


@dataclass(frozen=True, slots=True)
class Customs:
    """What a `recordings.yaml` says. `max_age` is in days, None for no limit; `file` is its name as people know it."""

    match: Match = Match()
    max_age: int | None = None
    redact: Redact = Redact()
    file: str = ""
    problems: tuple[Problem, ...] = ()
    """Mistakes in file order; what they concern is left out."""

    @property
    def usable(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems


def _read_ignored(value: Json, report: Report, path: Path) -> Any:
    found = compile_path(value, report, path)
    if found is None:
        return WRONG
    if found.steps == ():
        report(path, "ignores the whole body", "name a field such as $.metadata")
        return WRONG
    return value


def _read_mask(value: Json, report: Report, path: Path) -> Any:
    return value if compile_masks(value, report, path) else WRONG


_PATH_SCHEMA: Final = {"type": "string", "pattern": "^\\$."}

MATCH: Final = Form(
    "`match`",
    MappingProxyType(
        {
            "ignore": Key(
                "JSONPaths of the body that are left out of the comparison.", listed(Leaf(_read_ignored, _PATH_SCHEMA))
            ),
            "mask": Key(
                f"Parts of texts that may differ: {', '.join(KINDS)}, or a regular expression.",
                listed(Leaf(_read_mask, {"type": "string", "minLength": 1})),
            ),
            "either_encoding": Key(
                "Whether a recorded stream also answers the same request asked as JSON, and the reverse.", BOOLEAN
            ),
        }
    ),
    elsewhere={"max_age": "at the file's top", "redact": "at the file's top"},
    example="match: {ignore: [$.metadata.run_id], mask: [date]}",
)


def _read_match(value: Json, report: Report, path: Path) -> Any:
    found = MATCH.read(value, report, path)
    return WRONG if found is WRONG else Match(**found)


MATCH_LEAF: Final = Leaf(_read_match, MATCH.schema)
"""What may stand under `match`, here and at the top of a rule file; read, it is a `Match`."""

_AGE: Final = re.compile(r"([1-9][0-9]{0,4})\s*([dw])\Z", re.ASCII)


def _read_age(value: Json, report: Report, path: Path) -> Any:
    found = _AGE.match(value.strip()) if isinstance(value, str) else None
    if found is not None:
        return int(found[1]) * (7 if found[2] == "w" else 1)
    bare = isinstance(value, int) and not isinstance(value, bool)
    hint = f"did you mean `{value}d`?" if bare else "days or weeks; leave it out for no limit"
    report(path, f"expected an age such as 90d or 12w, got {described(value)}", hint)
    return WRONG


def _read_expression(value: Json, report: Report, path: Path) -> Any:
    if LINE.read(value, report, path) is WRONG:
        return WRONG
    try:
        pattern = compiled(value)
    except ValueError as error:
        report(path, str(error))
        return WRONG
    if pattern.search("") is not None:
        report(path, f"{value!r} matches nothing at all, so everywhere", "let it match at least one character")
        return WRONG
    return value


_PATTERN_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")


def _read_pattern_name(value: Json, report: Report, path: Path) -> Any:
    if isinstance(value, str) and _PATTERN_NAME.match(value):
        return value
    report(path, f"expected a short name such as employee-id, got {described(value)}", "small letters, digits, - and _")
    return WRONG


_PATTERN: Final = Form(
    "a pattern",
    MappingProxyType(
        {
            "name": Key(
                "What its placeholder is called.",
                Leaf(_read_pattern_name, {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"}),
            ),
            "pattern": Key(
                "The regular expression; all that it matches is replaced.",
                Leaf(_read_expression, {"type": "string", "minLength": 1}),
            ),
        }
    ),
    required=("name", "pattern"),
    example="{name: employee, pattern: 'E-\\d{6}'}",
)


def _read_pattern(value: Json, report: Report, path: Path) -> Any:
    found = _PATTERN.read(value, report, path)
    return Pattern(**found) if found is not WRONG and len(found) == len(_PATTERN.keys) else WRONG


_NAMED_FIELD: Final = re.compile(r"(?:headers|query)\.[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


def _read_field(value: Json, report: Report, path: Path) -> Any:
    if isinstance(value, str) and _NAMED_FIELD.match(value):
        return value
    if isinstance(value, str) and value.startswith("$"):
        return _read_ignored(value, report, path)
    report(path, f"expected a JSONPath or headers.NAME or query.NAME, got {described(value)}")
    return WRONG


_REDACT: Final = Form(
    "`redact`",
    MappingProxyType(
        {
            "patterns": Key("What else is secret, by its looks.", listed(Leaf(_read_pattern, _PATTERN.schema))),
            "fields": Key(
                "What else is secret, by its place: JSONPaths, headers.NAME or query.NAME.",
                listed(Leaf(_read_field, {"type": "string", "minLength": 2})),
            ),
            "emails": Key("Whether e-mail addresses are secret.", BOOLEAN),
        }
    ),
    example="redact: {emails: true}",
)


def _read_redact(value: Json, report: Report, path: Path) -> Any:
    found = _REDACT.read(value, report, path)
    return WRONG if found is WRONG else Redact(**found)


FORM: Final = Form(
    FILE,
    MappingProxyType(
        {
            "match": Key("What may differ between a recorded request and one that it answers.", MATCH_LEAF),
            "max_age": Key(
                "How old a recording may be, such as 90d or 12w.",
                Leaf(_read_age, {"type": "string", "pattern": "^[1-9][0-9]*[dw]$"}),
            ),
            "redact": Key("What is secret besides what looks like a key.", Leaf(_read_redact, _REDACT.schema)),
        }
    ),
    elsewhere={
        **dict.fromkeys(MATCH.keys, "inside `match`"),
        **dict.fromkeys(_REDACT.keys, "inside `redact`"),
        "rules": "in a rule file, NAME.mock.yaml",
    },
    example="match: {mask: [date]}",
)


def parse(text: str, file: str) -> Customs:
    """Read a `recordings.yaml`; `file` is its name as people know it. Never raises: `problems` says all that is wrong."""
    source = read(text, file)
    customs = Customs(file=file)
    if source.broken or source.value is None:  # an empty file says that all is as usual
        return replace(customs, problems=source.problems)
    teller = Teller(source, file)
    found = FORM.read(source.value, teller, ())
    return replace(customs, **({} if found is WRONG else found), problems=teller.told())
