"""A rule of a test: how it is finished with a reply, and what became of it.

This room decides what stands between `when(...)` and a rule that answers. It must not know how a session is reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Unpack

from mockserver.building import Answering, Draft, Part, answer
from mockserver.core.errors import MisuseError, RuleError, nearest

if TYPE_CHECKING:
    from mockserver.testing.received import Requests


class OfRule(Answering, total=False):
    """What `reply` takes: everything that an answer does, and what is said of the rule as a whole."""

    name: str
    """What the rule is called in reports; FILE:LINE unless given."""
    priority: int
    """Higher is tried first; 0 unless given."""
    optional: bool
    """Whether a test passes although the rule was never used."""
    exhausted: Literal["miss", "repeat", "cycle"]
    """After the last of several answers: no match, the last one again, or all over again."""
    allow_invalid: bool
    """Serve events that the API would never send in this order."""


RULE: Final = frozenset({"name", "priority", "optional", "exhausted", "allow_invalid"})
"""The keywords of `OfRule` that are about the rule."""


class Home(Protocol):
    """The session that a rule lives in, as this room sees it."""

    def adopt(self, draft: Draft) -> None:
        """Make a rule of the draft, or replace the one made of it before. Raises `RuleError` for an impossible one."""

    def forget(self, draft: Draft) -> None:
        """Leave out a draft that no rule can be made of."""

    def label(self, draft: Draft) -> str:
        """Return how the rule is called in reports."""

    def uses(self, draft: Draft) -> int:
        """Return how often the rule has answered."""

    def answered(self, draft: Draft) -> Requests:
        """Return the requests that the rule has answered."""


class When:
    """Conditions that wait for a reply: finish it with `reply` or `turns`. One that is left so fails the test."""

    __slots__ = ("_draft", "_home")

    def __init__(self, draft: Draft, home: Home) -> None:
        self._draft = draft
        self._home = home

    def reply(self, *parts: Part, **keywords: Unpack[OfRule]) -> Rule:
        """Answer requests for which the conditions hold, and return the rule.

        Parts are text, items such as `function_call(...)`, one whole answer such as `error(...)`, or a function of the
        request that returns one of these. A reply answers for ever unless `times` says how often; `.then(...)` follows it.

        Raises `TypeError` for a keyword that does not exist, `RuleError` for anything that cannot be answered.

        Example: `mockserver.when(input=contains("weather")).reply("It is sunny.")`
        """
        return self._finish([parts], keywords, turns=False)

    def turns(self, *turns: Part, **keywords: Unpack[OfRule]) -> Rule:
        """Answer with a script of a tool loop; the turn is chosen by which of its calls have outputs.

        Each turn is what `reply` takes as one part, or a list of several items.

        Example: `mockserver.when().turns(function_call("get_weather", {"city": "Paris"}), "18 °C in Paris")`
        """
        return self._finish([(turn,) for turn in turns], keywords, turns=True)

    def _finish(self, said: list[tuple[Part, ...]], keywords: Mapping[str, Any], *, turns: bool) -> Rule:
        draft = self._draft
        if draft.answers:
            raise RuleError(
                f"{draft.place}: this `when` has its reply already (follow it by `.then(...)`, or write another `when`)"
            )
        try:
            if not said:
                raise RuleError(f"{draft.place}: `turns` needs at least one turn")
            _extend(draft, self._home, said, keywords, turns=turns)
        except BaseException:
            self._home.forget(draft)  # what is wrong is told now; that it has no reply need not be told again
            raise
        return Rule(draft, self._home)

    def __repr__(self) -> str:
        return f"<when at {self._draft.place}, without a reply>"


class Rule:
    """A rule of this test. It counts what it answered, and can be given further replies."""

    __slots__ = ("_draft", "_home")

    def __init__(self, draft: Draft, home: Home) -> None:
        self._draft = draft
        self._home = home

    @property
    def called(self) -> bool:
        """Whether it has answered."""
        return self.call_count > 0

    @property
    def call_count(self) -> int:
        """How often it has answered."""
        return self._home.uses(self._draft)

    @property
    def requests(self) -> Requests:
        """The requests that it has answered, oldest first."""
        return self._home.answered(self._draft)

    @property
    def label(self) -> str:
        """FILE:LINE, and the name where it has one."""
        return self._home.label(self._draft)

    @property
    def place(self) -> str:
        """FILE:LINE of the `when`."""
        return self._draft.place

    def then(self, *parts: Part, **keywords: Unpack[OfRule]) -> Rule:
        """Answer so once the replies before are used up; return the same rule.

        Example: `mockserver.when().reply(error("rate_limit_exceeded"), times=2).then("ok")`
        """
        draft = self._draft
        if draft.turns:
            raise RuleError(f"{draft.place}: turns follow the conversation; nothing can come after them by counting")
        _extend(draft, self._home, [parts], keywords)
        return self

    def __repr__(self) -> str:
        count = self.call_count
        return f"<rule {self.label}, answered {'once' if count == 1 else f'{count} times'}>"


def _parted(keywords: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Part what is about the rule from what is about the answer. Raises `TypeError` for what is about neither."""
    known = OfRule.__annotations__
    for name in keywords:
        if name not in known:
            close = nearest(name, known)
            raise MisuseError(
                f"unknown argument `{name}` of a reply; "
                + (f"did you mean `{close}`?" if close else f"known: {', '.join(known)}")
            )
    about = {name: value for name, value in keywords.items() if name in RULE}
    return about, {name: value for name, value in keywords.items() if name not in RULE}


def _extend(
    draft: Draft, home: Home, said: Sequence[tuple[Part, ...]], keywords: Mapping[str, Any], **more: Any
) -> None:
    """Add answers to a draft and let it be adopted. What cannot be leaves it as it was; the mistake gets its place."""
    about, beside = _parted(keywords)
    about |= more
    answers, before = list(draft.answers), {name: getattr(draft, name) for name in about}
    try:
        for parts in said:
            try:
                draft.answers.append(answer(*parts, **beside))
            except RuleError as wrong:
                raise RuleError(f"{draft.place}: {wrong}") from None
        for name, value in about.items():
            setattr(draft, name, value)
        home.adopt(draft)
    except BaseException:
        draft.answers[:] = answers
        for name, value in before.items():
            setattr(draft, name, value)
        raise
