"""One OpenAPI schema as a plain JSON Schema, small and quick to judge.

This room decides the shape of a built schema: unions become `if ... then`, so that a mistake is found at its exact place
and only the branch that was meant explains it; house rules of a side (closed objects, null for optional fields) are
written out; everything that is only for readers is dropped. It must not know operations, bodies or dialects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from mockserver.core.errors import SchemaSourceError
from mockserver.core.schemas import lowered
from mockserver.core.schemas.keywords import BOUNDS, COPIED, HOLD_LIST, HOLD_MAP, HOLD_ONE, MEANING, TESTS
from mockserver.core.schemas.references import Document, json_type
from mockserver.core.schemas.unions import Choice, by_type, choose, flat, members_of

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


class Lowering:
    """Writes schemas of one side; what they share stands once in `$defs`."""

    def __init__(self, source: Document, side: Side) -> None:
        self.source = source
        self.side = side
        self.defs: dict[str, Any] = {}
        self._leaves: dict[str, Any] = {}
        self._open: list[str] = []
        self._variant = ""

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
            body = self.defs[lowered.referred(body)]
        used = lowered.reachable(body, self.defs)
        shared = {"$defs": {name: self.defs[name] for name in sorted(used)}} if used else {}
        return {"$schema": DRAFT, **body, **shared}

    def lower(self, node: Any) -> Any:
        """Return what `node` becomes: `{"$ref": ...}` for a shared object or union, else the schema itself."""
        if isinstance(node, bool):
            return node
        if not isinstance(node, Mapping):
            raise SchemaSourceError(f"a schema is a mapping, not {node!r}")
        if "$ref" in node:
            beside = {key: node[key] for key in node if key in MEANING}
            if not beside:
                return self._reference(node["$ref"])
            return self.lower({**beside, "allOf": [{"$ref": node["$ref"]}, *beside.get("allOf", ())]})
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
        types = self.source.types(node)
        schema = self.lower(node)
        shared = isinstance(schema, dict) and "$ref" in schema
        return schema if shared and types is not None and "null" in types else lowered.or_null(schema, types)

    # ------------------------------------------------------------------------------------------------ references

    def _reference(self, ref: Any) -> Any:
        name, target = self.source.follow(ref)
        self.source.resolve(target, name)  # a circle of references is refused here
        name += self._variant
        if name in self._leaves:
            return self._leaves[name]
        if name not in self.defs and name not in self._open:
            self._open.append(name)
            schema = self.lower(target)
            self._open.remove(name)
            if lowered.is_leaf(schema):
                self._leaves[name] = schema
                return schema
            self.defs[name] = schema
        return lowered.reference(name)

    @contextmanager
    def _read_as(self, side: Side, variant: str) -> Iterator[None]:
        """Use other house rules for a while; what is shared meanwhile is named apart."""
        before = self.side, self._variant
        self.side, self._variant = side, variant
        try:
            yield
        finally:
            self.side, self._variant = before

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
                out["type"] = lowered.one_or_list(kinds)
        out.update({key: node[key] for key in COPIED if key in node})
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
        for key in HOLD_ONE:
            if key in node:
                out[key] = self.lower(node[key])
        for key in TESTS:
            if key in node:
                out[key] = self._as_written(node[key])
        for key in HOLD_LIST:
            if key in node:
                out[key] = [self.lower(part) for part in node[key]]
        for key in HOLD_MAP:
            if key in node:
                out[key] = {name: self.lower(part) for name, part in node[key].items()}
        return {key: value for key, value in out.items() if not (key in HOLD_ONE and value is True)}

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
        with self._read_as(Side(request=self.side.request), ".as-written"):
            return self.lower(node)

    # ------------------------------------------------------------------------------------------------ allOf and unions

    def _all_of(self, node: Mapping[str, Any]) -> Any:
        rest = {key: node[key] for key in node if key in MEANING and key != "allOf"}
        if not rest and len(node["allOf"]) == 1:
            return self.lower(node["allOf"][0])
        merged = self._merged(node)
        if merged is not None:
            return self._plain(merged)
        if not self.side.closed:
            return {**(self._plain(rest) if rest else {}), "allOf": [self.lower(part) for part in node["allOf"]]}
        with self._read_as(replace(self.side, closed=False), f"{self._variant}.open"):  # no part names all the keys
            return self._all_of(node)

    def _merged(self, node: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the parts of an `allOf` of plain objects as one object, so that it can be closed; None for anything else."""
        parts = [
            *(self.source.resolve(part) for part in node["allOf"]),
            {key: node[key] for key in node if key != "allOf"},
        ]
        properties: dict[str, Any] = {}
        for part in parts:
            inner = self._merged(part) if "allOf" in part else part
            if inner is None or {key for key in inner if key in MEANING} - {"type", "properties", "required", "allOf"}:
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
        rest = {key: node[key] for key in node if key in MEANING and key != keyword}
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
        schema = self._without_null(real, discriminator, absent)
        return schema if len(real) == len(opened) else lowered.or_null(schema, self.source.types({"anyOf": real}))

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
            asked = lowered.one_or_list(types)
            if inner is not True and inner != {"type": asked}:
                cases.append({"if": {"type": asked}, "then": inner})
        return {"type": kinds, "allOf": cases} if cases else {"type": kinds}

    def _same_type(self, members: Sequence[Any], discriminator: Mapping[str, Any], absent: Any) -> Any:
        objects = self.source.types(members[0]) == ("object",)
        choice = choose(self.source, members, discriminator) if objects else None
        if choice is None:
            return lowered.any_of([self.lower(member) for member in members])
        return self._choice(choice, absent)

    def _choice(self, choice: Choice, absent: Any) -> dict[str, Any]:
        """Write `if the property says X then ...` for every branch; the one for objects without the property comes first."""
        name = choice.property
        listed: list[Any] = [value for value, _ in choice.cases]
        kinds = list(dict.fromkeys(json_type(value) for value in listed))
        otherwise = absent if absent is not None else _as_one(choice.absent)
        cases: list[tuple[Any, Any]] = []
        if otherwise is not None:
            cases.append(({"type": "object", "properties": {name: {"type": "null"}}}, self.lower(otherwise)))
            if self.side.nullable:
                kinds, listed = [*kinds, "null"], [*listed, None]
        selected: dict[tuple[int, ...], list[Any]] = {}
        for value, picked in choice.cases:
            selected.setdefault(tuple(map(id, picked)), []).append(value)
        for value, picked in choice.cases:
            together = selected[tuple(map(id, picked))]
            if value == together[0]:
                test = {"const": value} if len(together) == 1 else {"enum": together}
                asked = {"type": "object", "properties": {name: test}, "required": [name]}
                cases.append((asked, self.lower(_as_one(picked))))
        told = {"type": lowered.one_or_list(kinds), **({"enum": listed} if self.side.enums else {})}
        required = {"required": [name]} if otherwise is None else {}
        return {"type": "object", **required, "properties": {name: told}, **lowered.chain(cases)}


def _as_one(members: Sequence[Any]) -> Any:
    if not members:
        return None
    return members[0] if len(members) == 1 else {"anyOf": list(members)}


def _bounds(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits of a schema; OpenAPI 3.0's `exclusiveMinimum: true` becomes the number it stands for."""
    found = {key: node[key] for key in BOUNDS if key in node}
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and inclusive in found:
            found[exclusive] = found.pop(inclusive)
    return found
