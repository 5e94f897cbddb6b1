"""One OpenAPI schema as a plain JSON Schema, small and quick to judge.

This room decides the shape of a built schema: unions become `if ... then`, so that a mistake is found at its exact place
and only the branch that was meant explains it; house rules of a side (closed objects, null for optional fields) are
written out; everything that is only for readers is dropped. It must not know operations, bodies or dialects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mockserver.core.errors import SchemaSourceError
from mockserver.core.references import Document, json_type
from mockserver.core.unions import Choice, by_type, choose, flat, members_of

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Side:
    """How the schemas of requests, or those of answers, are read.

    `closed` refuses keys that an object with `properties` does not name; `nullable` lets every optional field be null;
    `bounds` keeps limits on size and range; `enums` keeps lists of values, and so refuses unknown branches of a union.
    """

    request: bool = False
    closed: bool = False
    nullable: bool = False
    bounds: bool = True
    enums: bool = True


_BOUNDS: Final = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
    "minItems", "maxItems", "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties",
)  # fmt: skip
_COPIED: Final = ("const", "dependentRequired")
_ONE: Final = (
    "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
    "then", "else",
)  # fmt: skip
_TESTS: Final = ("if", "not")
_LISTS: Final = ("prefixItems",)
_MAPS: Final = ("patternProperties", "dependentSchemas")
_MEANS: Final = frozenset(
    (*_BOUNDS, *_COPIED, *_ONE, *_TESTS, *_LISTS, *_MAPS, "type", "enum", "properties", "required", "oneOf", "anyOf")
) | {"allOf", "nullable"}  # fmt: skip
"""Keywords that decide anything; all others are for readers."""


class Lowering:
    """Writes schemas of one side; what they share stands once in `$defs`."""

    def __init__(self, source: Document, side: Side) -> None:
        self.source = source
        self.side = side
        self.defs: dict[str, Any] = {}
        self._leaves: dict[str, Any] = {}
        self._open: list[str] = []
        self._testing = False

    def document(self, node: Any, where: str) -> dict[str, Any]:
        """Return the JSON Schema of `node`, complete in itself. Raises `SchemaSourceError` naming `where`."""
        try:
            body = self.lower(node)
        except SchemaSourceError as error:
            raise SchemaSourceError(f"{where}: {error}") from None
        except RecursionError:
            raise SchemaSourceError(f"{where}: a schema is nested too deeply, or is part of itself") from None
        if isinstance(body, bool):
            body = {} if body else {"not": {}}
        while "$ref" in body and len(body) == 1:
            body = self.defs[_def_name(body)]
        used = _reachable(body, self.defs)
        shared = {"$defs": {name: self.defs[name] for name in sorted(used)}} if used else {}
        return {"$schema": DRAFT, **body, **shared}

    def lower(self, node: Any) -> Any:
        """Return what `node` becomes: `{"$ref": ...}` for a shared object or union, else the schema itself."""
        if isinstance(node, bool):
            return node
        if not isinstance(node, Mapping):
            raise SchemaSourceError(f"a schema is a mapping, not {node!r}")
        if "$ref" in node:
            rest = {key: node[key] for key in node if key in _MEANS}
            return (
                self._reference(node["$ref"])
                if not rest
                else self.lower({**rest, "allOf": [_just(node), *rest.get("allOf", ())]})
            )
        if node.get("nullable") is True:
            return self.or_null({key: node[key] for key in node if key != "nullable"})
        members = members_of(node)
        if members is not None:
            return self._with_union(node, members)
        if "allOf" in node:
            return self._all_of(node)
        return self._plain(node)

    def or_null(self, node: Any) -> Any:
        """Return what `node` becomes when null is fine too."""
        lowered = self.lower(node)
        if isinstance(lowered, bool) or not lowered:
            return True if lowered is not False else {"type": "null"}
        return _or_null(lowered, self.source.types(node))

    # ------------------------------------------------------------------------------------------------ references

    def _reference(self, ref: Any) -> Any:
        name, target = self.source.follow(ref)
        if self._testing:
            name = f"{name}.as-written"
        if name in self._leaves:
            return self._leaves[name]
        if name not in self.defs and name not in self._open:
            self._open.append(name)
            lowered = self.lower(target)
            self._open.remove(name)
            if _is_leaf(lowered):
                self._leaves[name] = lowered
                return lowered
            self.defs[name] = lowered
        return {"$ref": "#/$defs/" + name.replace("~", "~0").replace("/", "~1")}

    # ------------------------------------------------------------------------------------------------ plain schemas

    def _plain(self, node: Mapping[str, Any], *, closed: bool | None = None) -> dict[str, Any]:
        side = self.side
        out: dict[str, Any] = {}
        if "type" in node:
            out["type"] = node["type"]
        if "enum" in node:
            if side.enums:
                out["enum"] = list(node["enum"])
            elif "type" not in node:
                kinds = list(dict.fromkeys(json_type(value) for value in node["enum"]))
                out["type"] = kinds[0] if len(kinds) == 1 else kinds
        out.update({key: node[key] for key in _COPIED if key in node})
        if side.bounds:
            out.update(_bounds(node))
        if "required" in node:
            required = [key for key in node["required"] if not self._others(node, key)]
            if required:
                out["required"] = required
        if "properties" in node:
            needed = set(node["required"]) if "required" in node else set()
            out["properties"] = {
                name: self.or_null(schema) if side.nullable and name not in needed else self.lower(schema)
                for name, schema in node["properties"].items()
            }
            self._loosen(node, out)
            if side.closed if closed is None else closed:
                out["additionalProperties"] = False
        for key in _ONE:
            if key in node:
                out[key] = self.lower(node[key])
        for key in _TESTS:
            if key in node:
                out[key] = self._as_written(node[key])
        for key in _LISTS:
            if key in node:
                out[key] = [self.lower(part) for part in node[key]]
        for key in _MAPS:
            if key in node:
                out[key] = {name: self.lower(part) for name, part in node[key].items()}
        return {key: value for key, value in out.items() if not (key in _ONE and value is True)}

    def _others(self, node: Mapping[str, Any], key: str) -> bool:
        """Say whether a required key is the other side's to send: `readOnly` in a request, `writeOnly` in an answer."""
        schema = node.get("properties", {}).get(key)
        return isinstance(schema, Mapping) and schema.get("readOnly" if self.side.request else "writeOnly") is True

    def _loosen(self, node: Mapping[str, Any], out: dict[str, Any]) -> None:
        """Let a field that only the other side must send be null too."""
        if self.side.nullable:
            for key in node.get("required", ()):
                if self._others(node, key):
                    out["properties"][key] = self.or_null(node["properties"][key])

    def _as_written(self, node: Any) -> Any:
        """Lower a test (`if`, `not`): house rules would change what it asks."""
        before = self.side, self._testing
        self.side, self._testing = Side(request=self.side.request), True
        try:
            return self.lower(node)
        finally:
            self.side, self._testing = before

    # ------------------------------------------------------------------------------------------------ allOf and unions

    def _all_of(self, node: Mapping[str, Any]) -> Any:
        rest = {key: node[key] for key in node if key in _MEANS and key != "allOf"}
        if not rest and len(node["allOf"]) == 1:
            return self.lower(node["allOf"][0])
        merged = self._merged(node)
        if merged is not None:
            return self._plain(merged)
        kept, self.side = self.side, replace(self.side, closed=False)  # no part names all the keys
        try:
            parts = [self.lower(part) for part in node["allOf"]]
            return {**(self._plain(rest) if rest else {}), "allOf": parts}
        finally:
            self.side = kept

    def _merged(self, node: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the parts of an `allOf` of plain objects as one object, so that it can be closed; None for anything else."""
        parts = [
            *(self.source.resolve(part) for part in node["allOf"]),
            {key: node[key] for key in node if key != "allOf"},
        ]
        properties: dict[str, Any] = {}
        for part in parts:
            inner = self._merged(part) if "allOf" in part else part
            if inner is None or {key for key in inner if key in _MEANS} - {"type", "properties", "required", "allOf"}:
                return None
            if inner.get("type", "object") != "object":
                return None
            for name, schema in inner.get("properties", {}).items():
                known = properties.get(name, schema)
                properties[name] = schema if known == schema else {"allOf": [known, schema]}
        return {"type": "object", "required": list(self.source.required(node)), "properties": properties}

    def _with_union(self, node: Mapping[str, Any], members: Sequence[Any]) -> Any:
        union = self._union(members, node.get("discriminator", {}), node.get("x-absent"))
        keyword = "oneOf" if "oneOf" in node else "anyOf"
        rest = {key: node[key] for key in node if key in _MEANS and key != keyword}
        if not rest or rest == {"type": "object"}:
            return union
        beside = (
            self._plain(rest, closed=False) if "allOf" not in rest and members_of(rest) is None else self.lower(rest)
        )
        return {"allOf": [beside, union]}

    def _union(self, members: Sequence[Any], discriminator: Mapping[str, Any], absent: Any = None) -> Any:
        opened = list(flat(self.source, members, discriminator.get("propertyName")))
        real = [member for member in opened if self.source.types(member) != ("null",)]
        if not real:
            return {"type": "null"}
        lowered = self._without_null(real, discriminator, absent)
        if len(real) == len(opened) or lowered is True:
            return lowered
        return _or_null(lowered, self.source.types({"anyOf": real}))

    def _without_null(self, members: Sequence[Any], discriminator: Mapping[str, Any], absent: Any) -> Any:
        if len(members) == 1:
            return self.lower(members[0])
        groups = by_type(self.source, members)
        if groups is None:
            return {"anyOf": [self.lower(member) for member in members]}
        if len(groups) == 1:
            return self._same_type(members, discriminator, absent)
        kinds: list[str] = []
        cases: list[Any] = []
        for types, together in groups:
            kinds.extend(types)
            inner = self._without_null(together, discriminator, absent)
            asked = types[0] if len(types) == 1 else list(types)
            if inner is not True and inner != {"type": asked}:
                cases.append({"if": {"type": asked}, "then": inner})
        return {"type": kinds, "allOf": cases} if cases else {"type": kinds}

    def _same_type(self, members: Sequence[Any], discriminator: Mapping[str, Any], absent: Any) -> Any:
        objects = self.source.types(members[0]) == ("object",)
        choice = choose(self.source, members, discriminator) if objects else None
        if choice is None:
            return _any_of([self.lower(member) for member in members])
        return self._choice(choice, absent)

    def _choice(self, choice: Choice, absent: Any) -> dict[str, Any]:
        """Write `if the property says X then ...` for every branch."""
        name = choice.property
        values = [value for value, _ in choice.cases]
        otherwise = absent if absent is not None else _as_one(choice.absent)
        listed: list[Any] = list(values)
        kinds = list(dict.fromkeys(json_type(value) for value in values))
        branches: dict[tuple[int, ...], tuple[list[Any], Any]] = {}
        for value, picked in choice.cases:
            branches.setdefault(tuple(map(id, picked)), ([], _as_one(picked)))[0].append(value)
        cases: list[Any] = []
        for selected, member in branches.values():
            test = {"const": selected[0]} if len(selected) == 1 else {"enum": selected}
            then = self.lower(member)
            if then is not True:
                cases.append({"if": {"type": "object", "properties": {name: test}, "required": [name]}, "then": then})
        out: dict[str, Any] = {"type": "object"}
        if otherwise is None:
            out["required"] = [name]
        else:
            cases.append(
                {"if": {"type": "object", "properties": {name: {"type": "null"}}}, "then": self.lower(otherwise)}
            )
            if self.side.nullable:
                kinds, listed = [*kinds, "null"], [*listed, None]
        told: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
        if self.side.enums:
            told["enum"] = listed
        return {**out, "properties": {name: told}, "allOf": cases}


def _just(node: Mapping[str, Any]) -> dict[str, Any]:
    return {"$ref": node["$ref"]}


def _as_one(members: Sequence[Any]) -> Any:
    if not members:
        return None
    return members[0] if len(members) == 1 else {"anyOf": list(members)}


def _bounds(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits of a schema; OpenAPI 3.0's `exclusiveMinimum: true` becomes the number it stands for."""
    found = {key: node[key] for key in _BOUNDS if key in node}
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(exclusive), bool):
            if found.pop(exclusive) and inclusive in found:
                found[exclusive] = found.pop(inclusive)
    return found


def _is_leaf(lowered: Any) -> bool:
    """Say whether a schema is short enough to stand wherever it is used: a scalar."""
    return isinstance(lowered, bool) or not lowered.keys() - {"type", "enum", "const", *_BOUNDS}


def _any_of(lowered: list[Any]) -> Any:
    """Join schemas of one type: the widest alone where one admits all, one list for lists of values, else `anyOf`."""
    for one in lowered:
        if one is True or (isinstance(one, dict) and one.keys() == {"type"}):
            return one
    if all(isinstance(one, dict) and one.keys() <= {"type", "enum"} and "enum" in one for one in lowered):
        return {**lowered[0], "enum": list(dict.fromkeys(value for one in lowered for value in one["enum"]))}
    return {"anyOf": lowered}


def _or_null(lowered: dict[str, Any], types: Sequence[str] | None) -> Any:
    """Let a lowered schema be null too."""
    kinds = lowered.get("type")
    guarded = all("if" in case and "type" in case["if"] for case in lowered.get("allOf", ()))
    if "const" in lowered and lowered.keys() <= {"const", "type"}:
        return {"enum": [lowered["const"], None]}
    if kinds is not None and guarded and not lowered.keys() & {"anyOf", "$ref", "not", "if", "const"}:
        given = [kinds] if isinstance(kinds, str) else list(kinds)
        out = {**lowered, "type": given if "null" in given else [*given, "null"]}
        if "enum" in lowered and None not in lowered["enum"]:
            out["enum"] = [*lowered["enum"], None]
        return out
    if "enum" in lowered and lowered.keys() == {"enum"}:
        return {"enum": [*lowered["enum"], None] if None not in lowered["enum"] else lowered["enum"]}
    if types:
        bare = [kind for kind in types if kind != "null"]
        asked = bare[0] if len(bare) == 1 else bare
        return {"type": [*bare, "null"], "allOf": [{"if": {"type": asked}, "then": lowered}]}
    return {"if": {"type": "null"}, "else": lowered}


def _def_name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")


def _reachable(body: Any, defs: Mapping[str, Any]) -> set[str]:
    """Return the names of all shared schemas that `body` leads to."""
    found: set[str] = set()
    waiting = [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                name = _def_name(node)
                if name not in found:
                    found.add(name)
                    waiting.append(defs[name])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found
