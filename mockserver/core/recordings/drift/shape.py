"""The shape of JSON: which fields there are, of which types, whatever the words in them.

This room decides what of a value is structure, and where two structures differ. It must not know events, headers, or what a
difference means for whoever recorded it.

A list's items are merged into one shape per kind (their `type`, else their `object`); so are many values noted in one shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from mockserver.core.items.kinds import KINDS
from mockserver.core.messages import Json
from mockserver.core.rules.showing import NOTHING, show

Kind: TypeAlias = Literal["structure", "behaviour"]
"""What differs: the API's own form, or what the model chose to do within it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between what was recorded and what came now. Both sides are words for people."""

    where: str
    recorded: str
    now: str
    kind: Kind = "structure"


ENUMS: Final = frozenset({"object", "type", "status", "role"})
"""Fields whose values are compared, and an error's `code`: they are the API's words, not the model's."""

_OPAQUE: Final = frozenset({"metadata", "attributes", "variables", "parameters", "schema", "input_schema"})
"""Fields whose keys are data: the request's own words, or a third party's."""

_UNIONS: Final = frozenset({"item", "part", "annotation", "action"})
"""Fields that hold one of several kinds of object, told apart by its `type`."""

_CHOSEN: Final = frozenset({"output", "data", "content", "summary", "annotations", *_UNIONS})
"""Fields below which the model, or an account's data, chooses what there is."""

_PARTS: Final = frozenset({"output_text", "refusal", "reasoning_text", "summary_text", "input_text", "text"})
_KNOWN: Final = {
    "output": frozenset(KINDS),
    "item": frozenset(KINDS),
    "content": _PARTS,
    "part": _PARTS,
    "summary": _PARTS,
}
"""The kinds that the published types name, by the field that holds them; any other kind is news of the API."""


@dataclass(slots=True)
class Shape:
    """The merged structure of every value noted at one place."""

    types: dict[str, int] = field(default_factory=dict)
    """How many values of each JSON type: object, array, string, number, boolean, null."""
    objects: int = 0
    """How many objects have their fields in `fields`."""
    fields: dict[str, Shape] = field(default_factory=dict)
    kinds: dict[str, Shape] = field(default_factory=dict)
    """The shapes of objects that are told apart by their kind."""
    items: Shape | None = None
    values: dict[str, None] = field(default_factory=dict)
    """The values seen where they are the API's words."""

    @property
    def seen(self) -> int:
        """How many values were noted."""
        return sum(self.types.values())

    def note(self, value: Json, name: str = "", *, within: str = "") -> Shape:
        """Add a value, which stands under the field `name` of the field `within`; return the shape itself."""
        word = json_type(value)
        self.types[word] = self.types.get(word, 0) + 1
        if isinstance(value, dict):
            if name not in _OPAQUE:
                self._note_object(value, name)
        elif isinstance(value, list):
            self.items = self.items or Shape()
            for each in value:
                self.items.note(each, f"{name}[]", within=within)
        elif isinstance(value, str) and (name in ENUMS or (name == "code" and within == "error")):
            self.values[value] = None
        return self

    def _note_object(self, value: dict[str, Json], name: str) -> None:
        kind = value.get("type", value.get("object")) if name.endswith("[]") or name in _UNIONS else None
        shape = self
        if isinstance(kind, str):
            shape = self.kinds.setdefault(kind, Shape())
            shape.types["object"] = shape.types.get("object", 0) + 1
        shape.objects += 1
        for key, child in value.items():
            shape.fields.setdefault(key, Shape()).note(child, key, within=name)


def json_type(value: Json) -> str:
    """Return the JSON type of a value; whole numbers are numbers."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def shape_differences(recorded: Shape, now: Shape, at: str = "", *, chosen: bool = False) -> Iterator[Difference]:
    """Yield where two shapes differ, outermost first. `chosen` says that the model chooses what stands at this place.

    What was only sometimes there, or of a type seen beside others, may be left out by chance: that is no difference.
    """
    if not recorded.seen or not now.seen:
        return
    if not _same_types(recorded, now):
        yield Difference(at or "body", _either(recorded.types), _either(now.types))
        return
    yield from _value_differences(recorded, now, at, chosen)
    yield from _field_differences(recorded, now, at, chosen)
    yield from _kind_differences(recorded, now, at, chosen)
    if recorded.items is not None and now.items is not None:
        yield from shape_differences(recorded.items, now.items, f"{at}[]", chosen=chosen)


def _same_types(recorded: Shape, now: Shape) -> bool:
    """Say whether the types can be those of one field: some in common, and none that is new but null."""
    before, after = set(recorded.types), set(now.types)
    return bool(before & after) and (after - before <= {"null"} or before == {"null"})


def _value_differences(recorded: Shape, now: Shape, at: str, chosen: bool) -> Iterator[Difference]:
    new = [value for value in now.values if value not in recorded.values]
    if not recorded.values or not new:
        return
    ends = {"completed", "incomplete"}
    loose = at.endswith("status") and (chosen or {*recorded.values, *new} <= ends)
    yield Difference(at, _listed(recorded.values), _listed(new), "behaviour" if loose else "structure")


def _field_differences(recorded: Shape, now: Shape, at: str, chosen: bool) -> Iterator[Difference]:
    if not recorded.objects or not now.objects:
        return
    for name, shape in recorded.fields.items():
        where = f"{at}.{name}" if at else name
        other = now.fields.get(name)
        if other is not None:
            yield from shape_differences(shape, other, where, chosen=chosen or name in _CHOSEN)
        elif shape.seen >= recorded.objects:
            yield Difference(where, _either(shape.types), NOTHING)
    for name, shape in now.fields.items():
        if name not in recorded.fields:
            yield Difference(f"{at}.{name}" if at else name, NOTHING, _either(shape.types))


def _kind_differences(recorded: Shape, now: Shape, at: str, chosen: bool) -> Iterator[Difference]:
    place = at.removesuffix("[]")
    if not recorded.kinds or not now.kinds:
        words = {True: "string", False: NOTHING}  # objects that say their kind on one side alone
        if (recorded.kinds and now.objects) or (recorded.objects and now.kinds):
            yield Difference(f"{at}.type", words[bool(recorded.kinds)], words[bool(now.kinds)])
        return
    gone = [kind for kind in recorded.kinds if kind not in now.kinds]
    new = [kind for kind in now.kinds if kind not in recorded.kinds]
    if gone or new:
        known = _KNOWN.get(place.rpartition(".")[2])
        usual = chosen and (known is None or {*gone, *new} <= known)
        yield Difference(
            f"kinds of {place}", _listed(recorded.kinds), _listed(now.kinds), "behaviour" if usual else "structure"
        )
    for kind, shape in recorded.kinds.items():
        if kind in now.kinds:
            yield from _field_differences(shape, now.kinds[kind], f"{place}[{kind}]", chosen)


def _either(types: dict[str, int]) -> str:
    return " or ".join(types)


def _listed(words: dict[str, None] | dict[str, Shape] | list[str]) -> str:
    return ", ".join(show(word)[1:-1] for word in words)
