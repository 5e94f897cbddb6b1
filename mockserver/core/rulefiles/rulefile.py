"""One rule file: YAML text to rules, and every mistake in it at once.

This room decides the keys at a file's top and puts the pieces together: `yamlsource` reads the text, `ruleform` the
rules, `replyform` the replies. It must not open files, follow `include` or know which rules win.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.errors import Problem
from mockserver.core.limits import MEASURES, PER, Limit, compile_limits
from mockserver.core.messages import EMPTY, Json
from mockserver.core.recordings.customs import MATCH_LEAF, Customs, Match
from mockserver.core.rulefiles import replyform
from mockserver.core.rulefiles.forms import ANYTHING, LINE, LIST, MAPPING, WRONG, Form, Key, Leaf, Path, checked, listed
from mockserver.core.rulefiles.headernames import header_names
from mockserver.core.rulefiles.modifiers import MODIFIERS
from mockserver.core.rulefiles.recordingform import Beside, Recording, Setting
from mockserver.core.rulefiles.replyform import Standing, check_headers, read_reply
from mockserver.core.rulefiles.ruleform import FORM as RULE
from mockserver.core.rulefiles.ruleform import Surroundings, read_rule
from mockserver.core.rulefiles.telling import Teller
from mockserver.core.rulefiles.yamlsource import Source, read
from mockserver.core.rules.book import Rule
from mockserver.core.rules.targets import compile_when

VERSION: Final = 1

OTHERWISE: Final = "otherwise"
"""The name of the rule made of `otherwise`."""


@dataclass(frozen=True, slots=True)
class Include:
    """Another file or folder whose rules come along: its path as written, and the place that says so."""

    path: str
    line: int
    column: int = 0


@dataclass(frozen=True, slots=True)
class RuleFile:
    """What one file says. With an error among `problems` some of it may be missing: do not serve it."""

    rules: tuple[Rule, ...] = ()
    otherwise: Rule | None = None
    """Answers whatever no other rule of any file does."""
    include: tuple[Include, ...] = ()
    limits: tuple[Limit, ...] = ()
    auth: tuple[str, ...] = ()
    """Accepted keys; () where the file names none."""
    problems: tuple[Problem, ...] = ()
    """Mistakes in file order."""
    recorded: Mapping[str, Json] = field(default_factory=lambda: EMPTY)
    """What a recorder noted, by the name of its rule, as written."""
    recordings: tuple[Recording, ...] = ()
    """The recordings among the rules."""

    @property
    def usable(self) -> bool:
        """Whether nothing is wrong with it; warnings aside."""
        return not any(problem.severity == "error" for problem in self.problems)


DEFAULTS: Final = Form(
    "`defaults`",
    MappingProxyType(
        {
            "when": Key(
                "Conditions of every rule in this file; a rule's own win, key by key.",
                Leaf(MAPPING.read, {"$ref": "#/$defs/when"}),
            ),
            **MODIFIERS,
        }
    ),
    example="defaults: {when: {model: gpt-5}, timing: {every: 20ms}}",
)

AUTH: Final = Form(
    "`auth`",
    MappingProxyType({"keys": Key("Accepted API keys; any other gets the provider's 401.", listed(LINE, least=1))}),
    required=("keys",),
    example="auth: {keys: [sk-test]}",
)

_PER_MINUTE: Final = {"type": "integer", "minimum": 1}
_LIMIT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        **{measure: {"description": f"How many {measure} per minute.", **_PER_MINUTE} for measure in MEASURES},
        "per": {"description": "For whom they are counted apart; `all` unless given.", "enum": list(PER)},
    },
    "additionalProperties": False,
    "anyOf": [{"required": [measure]} for measure in MEASURES],
}
LIMITS: Final = Leaf(compile_limits, {"anyOf": [_LIMIT, {"type": "array", "items": _LIMIT}]})

FORM: Final = Form(
    "a rule file",
    MappingProxyType(
        {
            "version": Key(
                "The version of this format; 1.", checked("1", lambda value: value == VERSION, {"const": VERSION})
            ),
            "include": Key("Files or folders whose rules come along, seen from this file.", listed(LINE)),
            "defaults": Key(
                "What every rule of this file starts from.",
                Leaf(ANYTHING.read, {**DEFAULTS.schema, "not": {"required": ["failed", "incomplete"]}}),
            ),
            "match": Key("What may differ between a recorded request and one that it answers.", MATCH_LEAF),
            "auth": Key("Who may ask.", AUTH.leaf),
            "limits": Key("How much may be asked per minute.", LIMITS),
            "rules": Key("The rules, in order.", Leaf(LIST.read, {"type": "array", "items": {"$ref": "#/$defs/rule"}})),
            "otherwise": Key(
                "The reply to any other POST /v1/responses.", Leaf(ANYTHING.read, {"$ref": "#/$defs/reply"})
            ),
        }
    ),
    elsewhere=dict.fromkeys(RULE.keys, "in a rule, in the list `rules`"),
)


def parse(text: str, file: str, beside: Beside | None = None, customs: Customs | None = None) -> RuleFile:
    """Read one rule file; `file` is its name as people know it. Never raises: `problems` says all that is wrong.

    `beside` gives the content of a file in the same folder by its name, or raises `OSError`; without it the exact files of
    recordings are not looked at, and their readable replies answer. `customs` are those of the recordings' folder.
    """
    source = read(text, file)
    teller = Teller(source, file)
    if source.broken:
        return RuleFile(problems=source.problems)
    if source.value is None:
        teller((), "the file is empty", "it needs `rules:`, a list of rules, or `otherwise:`, a reply")
        return RuleFile(problems=teller.told())
    if isinstance(source.value, list):
        teller((), "expected a mapping, got a list", "put the list of rules under `rules:`")
        return RuleFile(problems=teller.told())
    found = FORM.read(source.value, teller, ())
    if found is WRONG:
        return RuleFile(problems=teller.told())
    if not found and not teller.problems:
        teller((), "the file says nothing", "it needs `rules:`, a list of rules, or `otherwise:`, a reply")
    around = _surroundings(found, file, teller)
    recordings: list[Recording] = []
    setting = Setting(beside, customs or Customs(), found.get("match", Match()), recordings.append, teller.warn)
    around = replace(around, setting=setting)
    rules = _rules(found.get("rules", ()), around, teller)
    keys: dict[str, Any] = found.get("auth") or {}
    return RuleFile(
        rules=tuple(rules.values()),
        otherwise=_otherwise(found["otherwise"], around, teller) if "otherwise" in found else None,
        include=_includes(found, source),
        limits=found.get("limits", ()),
        auth=keys.get("keys", ()),
        problems=teller.told(),
        recorded=_recorded(found.get("rules", ()), rules),
        recordings=tuple(recordings),
    )


def _recorded(listing: Sequence[Json], rules: Mapping[int, Rule]) -> dict[str, Json]:
    noted = {rule.name: listing[index].get("recorded") for index, rule in rules.items()}
    return {name: each for name, each in noted.items() if each is not None}


def _surroundings(found: Mapping[str, Any], file: str, teller: Teller) -> Surroundings:
    """Return what the file gives to each of its rules."""
    given = found.get("defaults", {})
    read = DEFAULTS.read(given, teller, ("defaults",))
    if read is WRONG:
        return Surroundings(file, teller.place)
    check_headers(given.get("headers"), teller, ("defaults", "headers"))
    if "failed" in read and "incomplete" in read:
        teller(("defaults", "incomplete"), "a response ends once: `failed` or `incomplete`, not both")
    when = read.pop("when", {})
    compile_when(when, teller, ("defaults", "when"))
    return Surroundings(file, teller.place, when, read)


def _rules(listing: Sequence[Json], around: Surroundings, teller: Teller) -> dict[int, Rule]:
    """Return the usable rules by their place in the list."""
    rules: dict[int, Rule] = {}
    first: dict[str, int] = {}
    lines: dict[str, int] = {}
    for index, value in enumerate(listing):
        rule = read_rule(value, around, teller, ("rules", index))
        if rule is not None:
            # Rules without a name are called by their line; several on one line still count apart.
            lines[rule.name] = lines.get(rule.name, 0) + 1
            if rule.name == rule.place and lines[rule.name] > 1:
                label = f"{rule.name}#{lines[rule.name]}"
                rule = replace(rule, name=label, key=(around.file, label))
            rules[index] = rule
        name = value.get("name") if isinstance(value, dict) else None
        if not isinstance(name, str):
            continue
        if name in first:
            line, _ = teller.source.place(("rules", first[name], "name"))
            teller(("rules", index, "name"), f"line {line} has a rule of that name", "hits are counted by name")
        first.setdefault(name, index)
    return rules


def _otherwise(value: Json, around: Surroundings, teller: Teller) -> Rule | None:
    path: Path = ("otherwise",)
    reply = read_reply(value, Standing(around.place, around.modifiers), teller, path, replyform.OTHERWISE)
    if reply is None:
        return None
    when = compile_when({}, teller, path)
    return Rule(
        name=OTHERWISE,
        place=around.place(path),
        replies=((reply, None),),
        conditions=when.conditions,
        claims=when.claims,
        optional=True,
        key=(around.file, OTHERWISE),
        groups=when.groups,
        headers=header_names(None, value),
    )


def _includes(found: Mapping[str, Any], source: Source) -> tuple[Include, ...]:
    given = source.value.get("include")
    lone = not isinstance(given, list)
    return tuple(
        Include(path, *source.place(("include",) if lone else ("include", index)))
        for index, path in enumerate([given] if lone else given)
        if path in found.get("include", ())
    )
