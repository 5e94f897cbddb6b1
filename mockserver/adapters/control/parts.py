"""The parts of a test's rules: files with the names that they have there, and rules with the line that said them.

This room decides how a test elsewhere sends what it has, so that places, names and counts read here as they do there. It must
not know sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from mockserver.adapters.control.options import FILE
from mockserver.core.errors import Problem
from mockserver.core.limits import Limit
from mockserver.core.rulefiles.forms import BOOLEAN, LINE, LIST, MAPPING, TEXT, WRONG, Form, Key, Path
from mockserver.core.rulefiles.rulefile import RuleFile, parse
from mockserver.core.rulefiles.ruleform import Surroundings, read_rule
from mockserver.core.rulefiles.yamlplaces import dotted
from mockserver.core.rules.book import Rule

PARTS: Final = "parts"

SAID: Final = "python"
"""Stands for the file in the key of a rule that a test has said."""

FORM: Final = Form(
    "a part",
    {
        "file": Key("What the file is called there.", FILE),
        "text": Key("The text of the file; what it includes is a part of its own.", TEXT),
        "rule": Key("A rule as in a rule file.", MAPPING),
        "place": Key("FILE:LINE of the code that said it.", LINE),
        "name": Key("What it is called in reports.", LINE),
        "key": Key("What it is counted under.", LINE),
        "otherwise": Key("Whether it answers what no other rule does.", BOOLEAN),
        "below": Key("Whether the file's rules stand with the server's, below all others.", BOOLEAN),
    },
)


@dataclass(slots=True)
class Sent:
    """What was sent for a session: rules in their order, those for whatever no other answers, what files ask for besides."""

    rules: list[Rule] = field(default_factory=list)
    otherwise: list[Rule] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    below: list[Rule] = field(default_factory=list)
    below_otherwise: list[Rule] = field(default_factory=list)

    @classmethod
    def of(cls, file: RuleFile) -> Sent:
        """Return what one file says by itself."""
        otherwise = [] if file.otherwise is None else [file.otherwise]
        return cls(list(file.rules), otherwise, list(file.limits), problems=list(file.problems))

    @property
    def usable(self) -> bool:
        """Whether nothing is wrong with it; warnings aside."""
        return not any(problem.severity == "error" for problem in self.problems)


def read(parts: Any) -> Sent:
    """Return what these parts say. Mistakes are in its `problems`; nothing is raised."""
    sent = Sent()
    filed: list[Rule] = []
    listed = LIST.read(parts, _teller(sent, ""), (PARTS,))
    for index, part in enumerate(() if listed is WRONG else listed):
        found = FORM.read(part, _teller(sent, ""), (PARTS, index))
        if found is WRONG:
            continue
        if "rule" in found:
            _rule(found, sent)
        else:
            _file(found, sent, filed)
    sent.otherwise += filed
    return sent


def _file(part: Mapping[str, Any], sent: Sent, otherwise: list[Rule]) -> None:
    file = _parsed(part.get("text", ""), part.get("file", "rules"))
    below = part.get("below", False)
    (sent.below if below else sent.rules).extend(file.rules)
    sent.limits += file.limits
    sent.keys += file.auth
    sent.problems += file.problems
    if file.otherwise is not None:
        (sent.below_otherwise if below else otherwise).append(file.otherwise)


_parsed = lru_cache(maxsize=64)(parse)
"""Every test of a suite sends the same files."""


def _rule(part: Mapping[str, Any], sent: Sent) -> None:
    place = part.get("place", "rules")
    rule = read_rule(part["rule"], Surroundings(SAID, lambda path: place), _teller(sent, place), ())
    if rule is not None:
        rule = replace(rule, name=part.get("name", rule.name), key=(SAID, part.get("key", place)))
        (sent.otherwise if part.get("otherwise") else sent.rules).append(rule)


def _teller(sent: Sent, place: str) -> Any:
    def tell(path: Path, message: str, hint: str = "") -> None:
        sent.problems.append(Problem(message, place, key=dotted(path), hint=hint))

    return tell


def made(rules: Sequence[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Part the rules of a session: those that a test has said, and those from files."""
    return [rule for rule in rules if rule.key[0] == SAID], [rule for rule in rules if rule.key[0] != SAID]
