"""A rule while it is built in Python, and the rule that comes of it.

This room decides how drafts become `core` rules, and how mistakes in them read. It must not know servers or sessions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from mockserver.building.answers import whole
from mockserver.building.places import caller, of_exception, of_function
from mockserver.core.errors import Problem, Report, RuleError
from mockserver.core.items.sketches import REPLY_KINDS
from mockserver.core.messages import Request
from mockserver.core.reply import Computed, Reply
from mockserver.core.rulefiles.modifiers import MODIFIERS
from mockserver.core.rulefiles.replyform import Standing, read_reply
from mockserver.core.rulefiles.ruleform import Surroundings, read_rule
from mockserver.core.rulefiles.yamlplaces import dotted
from mockserver.core.rules.book import Rule
from mockserver.core.rules.targets import When, compile_when
from mockserver.core.templates import Compact
from mockserver.words import Answer

FILE: Final = "python"
"""Stands for the file in the key of a rule built in Python."""

Exhausted = Literal["miss", "repeat", "cycle"]

View = Callable[[Request], Any]
"""How a request is shown to an author's function."""


def _as_asked(request: Request) -> Any:
    from mockserver.testing.asked import AskedRequest  # when there is a request to show

    return AskedRequest(request)


@dataclass(slots=True)
class Draft:
    """A rule while it is built. `place` is FILE:LINE of the Python that said it; `turns` makes its answers a script."""

    conditions: dict[str, Any] = field(default_factory=dict)
    """As `conditions(...)` gives them."""
    answers: list[Answer] = field(default_factory=list)
    """As `answer(...)` gives them."""
    place: str = field(default_factory=caller)
    name: str = ""
    turns: bool = False
    exhausted: Exhausted | None = None
    priority: int = 0
    optional: bool = False
    allow_invalid: bool = False
    otherwise: bool = False
    """Whether it answers whatever no other rule does."""

    def mapping(self) -> dict[str, Any]:
        """Return the rule as a rule file has it.

        What only Python can say stands in it as it is: a `Predicate` for a test, an `Answer` with a function for a reply,
        `Compact` for JSON among other items.
        """
        made: dict[str, Any] = {}
        if self.name:
            made["name"] = self.name
        if self.conditions:
            made["when"] = self.conditions
        replies = [_as_reply(each) for each in self.answers]
        if self.turns:
            made["turns"] = replies
        elif len(replies) == 1 and "times" not in self.answers[0].spec:
            made["reply"] = replies[0]
        elif replies:
            made["replies"] = replies
        if self.exhausted is not None and "replies" in made:
            made["exhausted"] = self.exhausted
        if self.priority:
            made["priority"] = self.priority
        made |= {name: True for name in ("optional", "allow_invalid") if getattr(self, name)}
        return made

    def compile(self, index: int, view: View = _as_asked) -> Rule:
        """Return the rule. `index` tells apart the rules of one place; functions are shown requests through `view`.

        Raises `RuleError` with one line for each mistake: the place, the key, what was expected.
        """
        if not self.answers:
            raise RuleError(f"{self.place}: `when` without a reply (add `.reply(...)`)")
        problems: list[Problem] = []
        mapping = self.mapping()
        for key in ("reply", "replies", "turns"):
            if key in mapping:
                mapping[key] = _with_stand_ins(mapping[key])
        rule = read_rule(
            mapping, Surroundings(FILE, lambda path: self.place), _teller(problems, self.place, mapping), ()
        )
        if problems or rule is None:
            raise _error(problems)
        replies = [
            (reply if answer.function is None else _computed(reply, answer, self, view), times)
            for answer, (reply, times) in zip(self.answers, rule.replies, strict=True)
        ]
        key = self.name or f"{self.place}#{index}"
        return replace(rule, replies=tuple(replies), key=(FILE, key))


def compile_conditions(conditions: Mapping[str, Any], place: str = "") -> When:
    """Compile what `conditions(...)` gives by itself, to be tried on requests. Raises `RuleError` like `Draft.compile`."""
    problems: list[Problem] = []
    when = compile_when(dict(conditions), _teller(problems, place, conditions), ())
    if problems:
        raise _error(problems)
    return when


def _teller(problems: list[Problem], place: str, said: Mapping[str, Any]) -> Report:
    """Return a report that keeps problems, with the key of as much of their path as was `said`."""

    def tell(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        problems.append(Problem(message, place, key=dotted(path[: _depth(said, path)]), hint=hint))

    return tell


def _depth(value: Any, path: tuple[str | int, ...]) -> int:
    for depth, step in enumerate(path):
        within = isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
        if not within and not (isinstance(value, Mapping) and step in value):
            return depth
        value = value[step]
    return len(path)


def _error(problems: list[Problem]) -> RuleError:
    return RuleError("\n".join(dict.fromkeys(map(str, problems))))


# Answers made by functions


def _as_reply(answer: Answer) -> Any:
    return answer if answer.function is not None else dict(answer.spec)


_STAND_IN: Final = {"auto": True}
"""Takes the modifiers of an answer that is made later, so that mistakes in them are told at once."""


def _with_stand_ins(replies: Any) -> Any:
    if isinstance(replies, list):
        return [_with_stand_ins(each) for each in replies]
    return {**_STAND_IN, **replies.spec} if isinstance(replies, Answer) else replies


def _computed(standing_in: Reply, answer: Answer, draft: Draft, view: View) -> Reply:
    """Return the reply that the answer's function makes, whenever it is asked."""
    function = answer.function
    assert function is not None, "only such answers get here"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise RuleError(f"{draft.place}: {of_function(function)} is asynchronous (write a plain `def`)")
    beside = {name: getattr(standing_in, name) for name in answer.spec if name in MODIFIERS}
    standing = Standing(lambda path: draft.place, beside, draft.conditions.get("stream") is True, draft.allow_invalid)

    def reply(request: Request) -> Reply:
        try:
            made = function(view(request))
        except Exception as error:
            where = of_exception(error)
            told = f"raised {type(error).__name__}: {error}" + (f" ({where})" if where else "")
            raise RuleError(f"{draft.place}: {of_function(function)} {told}") from error
        try:
            return _made(made, standing, draft.place)
        except (RuleError, TypeError) as error:
            raise RuleError(f"{draft.place}: what {of_function(function)} returned is no answer: {error}") from error

    return replace(standing_in, kind=Computed(reply))


def _made(value: Any, standing: Standing, place: str) -> Reply:
    """Return what a function returned as a reply. Its text is literal: it may repeat what a user said."""
    if value is None:
        raise RuleError("expected text, items or an answer, got None")
    answer = whole([value])
    if answer.function is not None:
        raise RuleError("expected text, items or an answer, got another function")
    if "set_state" in answer.spec:
        raise RuleError("`set_state` stands beside the function: what is remembered is decided before it runs")
    if "times" in answer.spec:
        raise RuleError("`times` stands beside the function")
    problems: list[Problem] = []
    spec = {name: _literal(each) if name in REPLY_KINDS else each for name, each in answer.spec.items()}
    reply = read_reply(spec, standing, _teller(problems, "", spec), ())
    if problems or reply is None:
        raise _error(problems)
    return reply


def _literal(value: Any) -> Any:
    """Return a value whose texts are no templates: they come out as they stand."""
    if isinstance(value, str):
        return value.replace("{{", "{{{{")
    if isinstance(value, dict):
        return {name: _literal(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return Compact(_literal(value.value)) if isinstance(value, Compact) else value
