"""What the words give: frozen values, each holding the plain rule-file mapping it stands for.

This room decides how such a value looks to people and how seconds become the text of a rule file. It must not know which
words there are, what may be written where, or a single rule: `mockserver.building` reads these values.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias, TypedDict

from mockserver.core.errors import RuleError
from mockserver.words.spelling import spelled

Seconds: TypeAlias = float | timedelta
"""A time in Python: a number of seconds, or a timedelta."""

Spec: TypeAlias = Mapping[str, Any]
"""A piece of a rule file as plain dicts, lists, texts and numbers."""


class Unset(enum.Enum):
    """The type of `UNSET`: an argument that was not given, where None has a meaning of its own."""

    VALUE = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.VALUE


@dataclass(frozen=True, slots=True, repr=False)
class Matcher:
    """One test of a value, such as `contains("weather")`. `spec` is the same in a rule file: `{"contains": "weather"}`."""

    spec: Spec

    def __repr__(self) -> str:
        [(name, given)] = self.spec.items()
        several = name in _MANY and isinstance(given, list)
        shown = ", ".join(map(repr, given)) if several else repr(given)
        return f"{_PYTHON_NAMES.get(name, name)}({shown})"


_PYTHON_NAMES: Final[Mapping[str, str]] = {"in": "one_of", "not": "not_"}
_MANY: Final = ("contains", "in", "include", "any_of", "all_of")
"""Matchers whose list is given as several arguments."""


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """One output item, such as `text("Hello")`. `spec` is an entry of a rule file's `output`: `{"message": "Hello"}`."""

    spec: Spec

    def __repr__(self) -> str:
        if "type" in self.spec:
            return f"item({_arguments(self.spec)})"
        [(name, given)] = self.spec.items()
        if isinstance(given, Mapping) and name != "json":
            return f"{name}({_arguments(given)})"
        word = {"message": "text", "json": "json_text"}.get(name, name)
        return f"{word}({_short(given)})"


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A whole reply, such as `error("rate_limit_exceeded")`. `spec` is what stands under `reply` in a rule file.

    `function` makes the answer of the request instead; `spec` then holds what stands beside it.
    """

    spec: Spec
    function: Callable[[Any], Any] | None = None

    def __repr__(self) -> str:
        made = [] if self.function is None else [getattr(self.function, "__qualname__", repr(self.function))]
        return f"Answer({', '.join([*made, _arguments(self.spec)]).strip(', ')})"


@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """Something the real API would not do, done on purpose, such as `reset(after={"deltas": 3})`."""

    spec: Spec

    def __repr__(self) -> str:
        [(name, given)] = self.spec.items()
        return f"{name}({_arguments(given)})" if isinstance(given, Mapping) else f"{name}()"


class After(TypedDict, total=False):
    """The place of a fault: exactly one of these. `bytes` counts the body, `time` is in seconds."""

    events: int
    deltas: int
    text: str
    bytes: int
    time: Seconds


class Failure(TypedDict, total=False):
    """How a response fails: the error's code and message, and how many deltas are sent before (all unless given)."""

    code: str
    message: str
    after: int


Chunk: TypeAlias = Literal["word", "char", "whole"] | int
"""How text is cut into deltas; a number counts characters."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How an answer is paced; times are seconds. Give at most one of `every`, `tokens_per_second` and `duration`.

    `first` is when the first delta is due, from the arrival of the request; `every` the gap to each following one;
    `duration` when the last event is due. `jitter` is how much each gap may be shorter or longer, drawn from the seed.

    Example: `mockserver.when().reply("Hello there", timing=Timing(first=0.3, every=0.025, jitter=0.005))`
    """

    first: Seconds | None = None
    every: Seconds | None = None
    tokens_per_second: float | None = None
    duration: Seconds | None = None
    jitter: Seconds | None = None
    chunk: Chunk | None = None
    spec: Spec = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        times = {"first": self.first, "every": self.every, "duration": self.duration, "jitter": self.jitter}
        made: dict[str, Any] = {
            name: duration(value, f"Timing({name}=)") for name, value in times.items() if value is not None
        }
        made |= given(tokens_per_second=self.tokens_per_second, chunk=self.chunk)
        object.__setattr__(self, "spec", made)


setattr(Timing, "__init__", spelled(Timing.__init__, "Timing"))  # noqa: B010 - no type checker lets it be assigned


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def duration(value: Seconds | str, what: str) -> str:
    """Return seconds as a rule file writes them, `0.3` as `300ms`; text with a unit stays as it is.

    Raises `RuleError`, beginning with `what`, for anything that is no time.
    """
    if isinstance(value, str):
        return value
    seconds: Any = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < _LONGEST:
        raise RuleError(f"{what}: expected a number of seconds, 0 or more, got {value!r}")
    return f"{seconds * 1000:.6f}".rstrip("0").rstrip(".") + "ms"


_LONGEST: Final = 10**9
"""Seconds; the bound also keeps infinity and NaN out."""


def _arguments(fields: Spec) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in fields.items())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
