"""The arguments of `reply`: from Python values to a reply as a rule file has it.

This room decides what may be given for an answer in Python, and what several parts together mean. It must not know which
values make sense: `core.rulefiles.replyform` compiles what is made here, and reports the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict, Unpack

from mockserver.building.values import plain
from mockserver.core.errors import MisuseError, RuleError, nearest
from mockserver.core.templates import Compact
from mockserver.words import Answer, Event, Failure, Fault, Item, Reason, Seconds, Timing, duration, events, text

if TYPE_CHECKING:
    from mockserver.testing.asked import AskedRequest

Made: TypeAlias = "str | Item | Answer | Mapping[str, Any] | Sequence[str | Item | Mapping[str, Any]]"
"""What a function of the request returns: text, items, or a whole answer."""

Part: TypeAlias = "Made | Callable[[AskedRequest], Made]"
"""One argument of `reply`: text, an item, a whole answer, or a function of the request that makes one of these."""


class Modifiers(TypedDict, total=False):
    """What may stand beside the parts of an answer. Times are seconds."""

    timing: Timing | Mapping[str, Any] | None
    """How the answer is paced."""
    speed: float | None
    """Scales `timing`: 2 is twice as fast, 0 at once."""
    faults: Fault | str | Sequence[Fault | str]
    """What goes wrong on purpose, in order."""
    failed: Failure | None
    """End with `response.failed`."""
    incomplete: Reason | None
    """End with `response.incomplete`."""
    usage: Mapping[str, Any] | None
    """Numbers of tokens, merged over those made up."""
    response: Mapping[str, Any] | None
    """Fields of the response object, merged over those made up."""
    headers: Mapping[str, Any] | None
    """Headers of the answer."""
    retry_after: Seconds | None
    """How long the client is told to wait."""
    set_state: Mapping[str, str | None] | None
    """What the session remembers once this answer is taken; None unsets."""


class Answering(Modifiers, total=False):
    """What `reply` takes besides parts: modifiers, how often it answers, and every kind of a rule file by its name."""

    times: int | None
    """How often this answers before the next one does."""
    text: str
    refusal: str
    json: Any
    """One message whose text is this value as compact JSON."""
    call: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    """Function calls, each `name: arguments`."""
    output: Sequence[Item | str | Mapping[str, Any]]
    events: Sequence[Event]
    fill: bool
    error: str | Mapping[str, Any]
    http: Mapping[str, Any]
    auto: Literal[True]


MODIFIERS: Final = tuple(Modifiers.__annotations__)
KEYWORDS: Final = tuple(Answering.__annotations__)
"""The keywords of `reply`."""
_KINDS: Final = ("text", "refusal", "json", "call", "output", "events", "error", "http", "auto")
_WITH_KIND: Final = (*_KINDS, "fill")


def answer(*parts: Part, **keywords: Unpack[Answering]) -> Answer:
    """Return a reply with its modifiers, and `times` where that is given.

    Raises `TypeError` with the nearest name for a keyword that does not exist, and `RuleError` for parts that do not go
    together.

    Example: `answer(reasoning("Easy."), text("42"), timing=Timing(every=0.02))`
    """
    for name in keywords:
        if name not in KEYWORDS:
            close = nearest(name, KEYWORDS)
            hint = f"did you mean `{close}`?" if close else f"known: {', '.join(KEYWORDS)}"
            raise MisuseError(f"unknown argument `{name}` of a reply; {hint}")
    kinds = {name: value for name, value in keywords.items() if name in _WITH_KIND}
    beside = _modifiers(keywords)
    if kinds.keys() - {"fill"}:
        if parts:
            raise RuleError(f"a reply is one thing: found {_names(parts)} and `{next(iter(kinds))}=`")
        made = Answer(_kind(kinds))
    else:
        made = whole(parts)
        if "fill" in kinds:
            made = Answer({**made.spec, "fill": kinds["fill"]}, made.function)
    for name in beside:
        if name in made.spec:
            raise RuleError(f"`{name}` is given twice: in {made!r} and beside it")
    return Answer({**made.spec, **beside}, made.function)


def whole(parts: Sequence[Any]) -> Answer:
    """Return what some parts make together, without modifiers."""
    if len(parts) == 1 and isinstance(parts[0], (list, tuple)):
        parts = parts[0]
    if not parts:
        raise RuleError("a reply needs something to say (such as `.reply('Hello')`)")
    if len(parts) == 1:
        [only] = parts
        if isinstance(only, Answer):
            return Answer(_plain_spec(only.spec), only.function)
        if callable(only):
            return Answer({}, only)
    for part in parts:
        if isinstance(part, Answer) or callable(part):
            raise RuleError(f"a reply is one thing: {part!r} cannot stand beside other parts")
    return Answer(_items([_entry(part) for part in parts]))


def _entry(part: Any) -> dict[str, Any]:
    """Return one part as an entry of `output`."""
    if isinstance(part, str):
        part = text(part)
    if isinstance(part, (Fault, Timing)):
        name = "faults" if isinstance(part, Fault) else "timing"
        raise RuleError(f"{part!r} is no part of an answer (write `{name}=`)")
    if not isinstance(part, (Item, Mapping)):
        raise RuleError(f"expected text, items, an answer or a function of the request, got {part!r}")
    spec: dict[str, Any] = plain(part.spec if isinstance(part, Item) else part)
    return spec


_SOLE: Final = {"message": "text", "refusal": "refusal", "json": "json"}
"""Items that, alone and said by one value, are a kind of reply."""


def _items(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return entries of `output` as the shortest reply that says the same."""
    if len(entries) == 1 and len(entries[0]) == 1:
        [(name, value)] = entries[0].items()
        if name == "json" or (name in _SOLE and isinstance(value, str)):
            return {_SOLE[name]: value}
        if name == "function_call" and isinstance(value, dict) and value.keys() == {"name", "arguments"}:
            return {"call": {value["name"]: value["arguments"]}}
    return {"output": [_with_json(entry) for entry in entries]}


def _with_json(entry: dict[str, Any]) -> dict[str, Any]:
    """Return JSON among other items as a message; templates in it are filled in before it becomes text."""
    if entry.keys() != {"json"}:
        return entry
    return {"type": "message", "content": [{"type": "output_text", "text": Compact(entry["json"])}]}


def _kind(kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return kinds given by keyword; that there is one alone is checked where it is compiled."""
    made = dict(kinds)
    if "events" in made:
        listing = made["events"]
        made["events"] = events(*listing).spec["events"] if isinstance(listing, (list, tuple)) else listing
    return _plain_spec(made)


def _plain_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(spec)
    if isinstance(made.get("output"), (list, tuple)):
        made.pop("output")
        given = _items([_entry(each) for each in spec["output"]])
        # `failed` and `incomplete` keep their place behind the items.
        made = {**given, **made}
    return {name: each if name == "output" else plain(each) for name, each in made.items()}


# What stands beside


def _modifiers(keywords: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in (*MODIFIERS, "times"):
        value = keywords.get(name)
        if value is None or (name == "faults" and isinstance(value, (list, tuple)) and not value):
            continue
        reader = _READERS.get(name, plain)
        try:
            made[name] = reader(value)
        except RuleError as wrong:
            raise RuleError(str(wrong) if str(wrong).startswith(name) else f"{name}: {wrong}") from None
    return made


def _timing(value: Any) -> Any:
    return plain(value.spec if isinstance(value, Timing) else value)


def _faults(value: Any) -> Any:
    given = value if isinstance(value, (list, tuple)) else [value]
    return [plain(each.spec if isinstance(each, Fault) else each) for each in given]


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "timing": _timing,
    "faults": _faults,
    "retry_after": lambda value: duration(value, "retry_after"),
}


def _names(parts: Sequence[Any]) -> str:
    return ", ".join(map(repr, parts))
