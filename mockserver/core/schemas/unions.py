"""Which branch of a union a value takes: by its JSON type, or by a property that names the branch.

This room decides how the members of a `oneOf` or `anyOf` are told apart, so that `lowering` can write `if ... then` and a
validator explains the one branch that was meant. It must not know how a branch is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockserver.core.schemas.keywords import MEANING, UNIONS
from mockserver.core.schemas.references import Document

_LIKELY: Final = ("type", "object", "role", "kind")
"""Properties tried first where a document does not say which one tells its members apart."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a union of objects is decided.

    `cases` holds each value of `property` with the members that it selects; `absent` the members for objects without the
    property (empty: it is required).
    """

    property: str
    cases: tuple[tuple[Any, tuple[Any, ...]], ...]
    absent: tuple[Any, ...]


def members_of(node: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return the members of a schema that is a union, else None."""
    for keyword in UNIONS:
        if keyword in node:
            members: Sequence[Any] = node[keyword]
            return members
    return None


def flat(document: Document, members: Sequence[Any], property_: str | None, depth: int = 0) -> Iterator[Any]:
    """Yield the members with unions inside them opened, unless those are decided by another property."""
    for member in members:
        found = document.resolve(member)
        inner = members_of(found)
        own = found.get("discriminator", {}).get("propertyName")
        closed = "x-absent" in found or (own is not None and own != property_)
        if inner is None or depth > 16 or closed or len(MEANING & found.keys()) > 1:
            yield member
        else:
            yield from flat(document, inner, property_, depth + 1)


def by_type(document: Document, members: Sequence[Any]) -> list[tuple[tuple[str, ...], list[Any]]] | None:
    """Group members by the JSON types they admit, no type in two groups; None when some member does not say.

    `integer` counts as `number`, since every integer is one.
    """
    groups: list[tuple[tuple[str, ...], list[Any]]] = []
    for member in members:
        admitted = document.types(member)
        if admitted is None:
            return None
        kinds, together = admitted, [member]
        for group in list(groups):
            if {_wide(kind) for kind in group[0]} & {_wide(kind) for kind in kinds}:
                groups.remove(group)
                kinds, together = tuple(dict.fromkeys((*group[0], *kinds))), [*group[1], *together]
        groups.append((kinds, together))
    return groups


def choose(document: Document, members: Sequence[Any], discriminator: Mapping[str, Any]) -> Choice | None:
    """Say how object members are told apart: by the discriminator, or by a property whose values differ; None if not at all."""
    named = discriminator.get("propertyName")
    if named is not None:
        return _choice(document, members, named, discriminator.get("mapping", {}), named=True)
    shared = [set(document.properties(member)) for member in members]
    common = set.intersection(*shared) if shared else set()
    for name in sorted(common, key=lambda key: (_LIKELY.index(key) if key in _LIKELY else len(_LIKELY), key)):
        found = _choice(document, members, name, {}, named=False)
        if found is not None and (len({_ids(selected) for _, selected in found.cases}) > 1):
            return found
    return None


def branches(document: Document, node: Any, property_: str) -> list[tuple[Any, Any]]:
    """Return each value of `property_` with the schema for it: of a union its members, else the schema itself."""
    found = document.resolve(node)
    inner = members_of(found)
    if inner is None:
        return [(value, node) for value in values(document, node, property_) or ()]
    members = [member for member in flat(document, inner, property_) if document.types(member) != ("null",)]
    choice = _choice(document, members, property_, found.get("discriminator", {}).get("mapping", {}), named=True)
    if choice is None:
        return []
    return [(value, picked[0] if len(picked) == 1 else {"anyOf": list(picked)}) for value, picked in choice.cases]


def values(document: Document, node: Any, property_: str, depth: int = 0) -> tuple[Any, ...] | None:
    """Return the values that a schema's property may have, where they are listed; else None."""
    found = document.resolve(node)
    inner = members_of(found)
    if inner is not None and depth <= 16:
        listed = [values(document, member, property_, depth + 1) for member in inner]
        if any(one is None for one in listed):
            return None
        return tuple(dict.fromkeys(value for one in listed for value in one or ()))
    declared = document.properties(node).get(property_)
    if declared is None:
        return None
    told = document.resolve(declared)
    if "const" in told:
        return (told["const"],)
    return tuple(value for value in told["enum"] if value is not None) if "enum" in told else None


def _choice(
    document: Document, members: Sequence[Any], property_: str, mapping: Mapping[str, Any], *, named: bool
) -> Choice | None:
    cases: dict[Any, list[Any]] = {}
    optional: list[Any] = []
    for member in members:
        listed = _mapped(document, member, mapping) or values(document, member, property_)
        if listed is None and named and isinstance(member, Mapping) and "$ref" in member:
            listed = (document.follow(member["$ref"])[0],)  # without a mapping, the schema's name is the value
        if listed is None or not all(isinstance(value, (str, int)) for value in listed):
            return None
        for value in listed:
            cases.setdefault(value, []).append(member)
        if not _requires(document, member, property_):
            optional.append(member)
    if named and len(optional) == len(members):
        optional = []  # nobody lists it as required, yet OpenAPI says that a discriminator is
    return Choice(property_, tuple((value, tuple(picked)) for value, picked in cases.items()), tuple(optional))


def _mapped(document: Document, member: Any, mapping: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values that a discriminator's mapping gives for a member. A target is a reference or a schema's name."""
    if not mapping or not isinstance(member, Mapping) or "$ref" not in member:
        return ()
    name = document.follow(member["$ref"])[0]
    return tuple(value for value, target in mapping.items() if target in (name, member["$ref"]))


def _requires(document: Document, node: Any, property_: str, depth: int = 0) -> bool:
    inner = members_of(document.resolve(node))
    if inner is not None and depth <= 16:
        return all(_requires(document, member, property_, depth + 1) for member in inner)
    return property_ in document.required(node)


def _ids(members: Sequence[Any]) -> tuple[int, ...]:
    return tuple(id(member) for member in members)


def _wide(kind: str) -> str:
    return "number" if kind == "integer" else kind
