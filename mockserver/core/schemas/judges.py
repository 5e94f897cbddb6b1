"""The two libraries that judge JSON against a schema, behind one protocol and one factory.

This room decides which library judges, which draft it speaks and that nothing a schema says makes it fetch anything: both
would open `http://` and `file://` references by default. It must not know what is judged. The libraries are imported when
the first schema is compiled, not before.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

from mockserver.core.errors import SchemaSourceError
from mockserver.core.messages import MAX_DEPTH

_DRAFTS: Final[Mapping[str, str]] = {
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
    "http://json-schema.org/draft-06/schema": "Draft6Validator",
    "http://json-schema.org/draft-04/schema": "Draft4Validator",
}
"""The class that speaks a draft, named alike in both libraries. Any other `$schema`, or none, means 2020-12."""


MOST_BACKTRACKS: Final = 100_000
"""Steps back that a pattern gets on one text, some 4 ms; then the text does not match. Requests bring patterns too."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a library says about one failing keyword, before it is told to anyone.

    `schema` is the schema object that holds the keyword where the library gives it; else `schema_path` leads to it.
    `additionalProperties` without `keys` means all of them.
    """

    path: tuple[str | int, ...]
    keyword: str
    keys: tuple[str, ...] = ()
    schema_path: tuple[str | int, ...] = ()
    schema: Any = None


class Judge(Protocol):
    """One compiled schema in one library."""

    def is_valid(self, instance: Any) -> bool:
        """Give the verdict alone."""
        ...

    def first(self, instance: Any) -> Finding | None:
        """Return some error, at bounded cost; None when there is none."""
        ...

    def findings(self, instance: Any) -> Iterable[Finding]:
        """Return every error, in any order, the same one perhaps twice."""
        ...


def judge(document: Mapping[str, Any], library: str | None = None) -> Judge:
    """Compile a schema. This is the only place of the house that does.

    `library` is `jsonschema-rs` or `jsonschema`; None takes the first of them that can be imported. Raises
    `SchemaSourceError` for a schema that is wrong or refers to anything outside itself.
    """
    schema = document if isinstance(document, dict) else dict(document)
    declared = schema.get("$schema")
    draft = _DRAFTS.get(declared.rstrip("#") if isinstance(declared, str) else "", "Draft202012Validator")
    if (library or _preferred()) == "jsonschema-rs":
        return _Rust(schema, draft)
    return _Python(schema, draft)


def _preferred() -> str:
    try:
        import jsonschema_rs  # noqa: F401 - only to see whether it can be
    except ImportError:
        return "jsonschema"
    return "jsonschema-rs"


class _Rust:
    """`jsonschema-rs`: fast, and reports errors with their path even through `if` and `then`."""

    def __init__(self, schema: dict[str, Any], draft: str) -> None:
        import jsonschema_rs

        refused: list[str] = []

        def refuse(uri: str) -> NoReturn:
            refused.append(uri)
            raise LookupError("nothing outside the schema is ever read")

        try:
            patterns = jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_BACKTRACKS)
            validator: jsonschema_rs.Validator = getattr(jsonschema_rs, draft)(
                schema, retriever=refuse, pattern_options=patterns
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise _unusable(f"it refers to {refused[-1]!r}" if refused and refused[-1] in reason else reason) from error
        self._validator = validator
        self._error = jsonschema_rs.ValidationError
        self.is_valid = validator.is_valid

    def first(self, instance: Any) -> Finding | None:
        try:
            self._validator.validate(instance)
        except self._error as error:
            return _from_rust(error)
        return None

    def findings(self, instance: Any) -> Iterable[Finding]:
        return [_from_rust(error) for error in self._validator.iter_errors(instance)]


def _from_rust(error: Any) -> Finding:
    kind = error.kind
    path, schema_path = tuple(error.instance_path), tuple(error.schema_path)
    match type(kind).__name__.rpartition("_")[2]:
        case "FalseSchema" if schema_path[-1:] == ("additionalProperties",) and schema_path[-2:-1] != ("properties",):
            return Finding(path, "additionalProperties", (), schema_path[:-1])  # no key is known there
        case "FalseSchema":
            return Finding(path, "false", (), schema_path)
        case "PropertyNames":
            return Finding(path, "propertyNames", (str(kind.error.instance),), _before(schema_path, "propertyNames"))
        case "Required":
            return Finding(path, "required", (kind.property,), schema_path[:-1])
        case "AdditionalProperties" | "UnevaluatedProperties":
            return Finding(path, str(schema_path[-1]), tuple(kind.unexpected), schema_path[:-1])
        case _:
            return Finding(path, str(schema_path[-1]), (), schema_path[:-1])


def _before(path: tuple[str | int, ...], step: str) -> tuple[str | int, ...]:
    return path[: len(path) - 1 - path[::-1].index(step)]


class _Python:
    """`jsonschema`: where no wheel of the other exists, and the oracle of the tests.

    It recurses eight frames and more for each level of an instance, so that `MAX_DEPTH` levels would overrun the stack: it
    judges half of that, and says so of anything deeper.
    """

    def __init__(self, schema: dict[str, Any], draft: str) -> None:
        import jsonschema
        import referencing.exceptions
        from jsonschema_specifications import REGISTRY as KNOWN_DRAFTS  # type: ignore[import-untyped]  # it has no types
        from referencing.jsonschema import specification_with

        cls = getattr(jsonschema, draft)
        too_deep = f"it is nested deeper than the {_DEEPEST} levels that the library at hand can judge"
        if _is_deeper(schema, _DEEPEST):
            raise _unusable(too_deep)
        # This registry holds the meta-schemas and has no way to retrieve anything else.
        specification = specification_with(cls.META_SCHEMA.get("$id", cls.META_SCHEMA.get("id")))
        root = specification.create_resource(schema)
        try:
            with _end_of_stack():
                cls.check_schema(schema)
                _check_below(KNOWN_DRAFTS.resolver_with_root(root), root, set())
        except jsonschema.SchemaError as error:
            raise _unusable(f"{error.json_path}: {error.message}") from error
        except referencing.exceptions.Unresolvable as error:
            raise _unusable(f"it refers to {error.ref!r}") from error
        except RecursionError as error:
            raise _unusable(too_deep) from error
        except re.error as error:
            raise _unusable(f"the pattern {error.pattern!r} cannot be read: {error}") from error
        self._validator = cls(schema, registry=KNOWN_DRAFTS)

    def is_valid(self, instance: Any) -> bool:
        return self.first(instance) is None

    def first(self, instance: Any) -> Finding | None:
        found = self._errors(instance, 1)
        return found[0] if found else None

    def findings(self, instance: Any) -> Iterable[Finding]:
        return self._errors(instance, None)

    def _errors(self, instance: Any, most: int | None) -> list[Finding]:
        if not _is_deeper(instance, _DEEPEST):
            with contextlib.suppress(RecursionError), _end_of_stack():
                errors = itertools.islice(self._validator.iter_errors(instance), most)
                return [finding for error in errors for finding in _from_python(error)]
        return [Finding((), "depth")]


@contextlib.contextmanager
def _end_of_stack() -> Iterator[None]:
    """Turn the end of the stack into a `RecursionError`, also where it strikes inside the library's registry."""
    try:
        yield
    except BaseException as error:  # the registry's own panic is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise RecursionError from error


_DEEPEST: Final = MAX_DEPTH // 2


def _is_deeper(instance: Any, limit: int) -> bool:
    level = [instance]
    for _ in range(limit + 1):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
        ]
        if not level:
            return False
    return any(isinstance(node, (dict, list)) for node in level)


_IN_PLACE: Final = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")
"""Keywords that apply a schema to the same value. A reference that leads back through these alone never ends."""


def _check_below(resolver: Any, resource: Any, sound: set[int]) -> None:
    """Resolve every reference, compile every pattern and find loops now: the library would only do so when judging."""
    schema = resource.contents
    if isinstance(schema, dict):
        for pattern in (schema.get("pattern"), *schema.get("patternProperties", ())):
            if isinstance(pattern, str):
                re.compile(pattern)
        _check_loops(resolver, schema, set(), sound)
    for below in resource.subresources():
        _check_below(resolver.in_subresource(below), below, sound)


def _check_loops(resolver: Any, schema: Any, above: set[int], sound: set[int]) -> None:
    if not isinstance(schema, dict) or id(schema) in sound:
        return
    if id(schema) in above:
        raise _unusable("one of its references leads back to itself without going deeper into the value")
    above.add(id(schema))
    for keyword in ("$ref", "$dynamicRef"):
        if isinstance(schema.get(keyword), str):
            target = resolver.lookup(schema[keyword])
            _check_loops(target.resolver, target.contents, above, sound)
    for keyword in _IN_PLACE:
        below = schema.get(keyword)
        if keyword == "dependentSchemas" and isinstance(below, dict):
            below = list(below.values())
        for each in below if isinstance(below, list) else [below]:
            _check_loops(resolver, each, above, sound)
    above.remove(id(schema))
    sound.add(id(schema))


_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose keys are names, not keywords."""


def _from_python(error: Any) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    steps = list(error.absolute_schema_path)
    for index, step in enumerate(steps):
        if step == "propertyNames" and (index == 0 or steps[index - 1] not in _NAMED):
            yield Finding(path, "propertyNames", (str(error.instance),), tuple(steps[:index]))
            return
    keyword, schema = error.validator, error.schema
    if keyword is None:
        yield Finding(path, "false", schema=schema)  # the library leaves the last step of this path out
    elif keyword == "required":
        # One error comes for each missing name, none of them says which: each gives them all, doubles fall out later.
        for name in schema["required"]:
            if name not in error.instance:
                yield Finding(path, keyword, (name,), schema=schema)
    elif keyword == "additionalProperties":
        patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", ())]
        unknown = [
            name
            for name in error.instance
            if name not in schema.get("properties", ()) and not any(pattern.search(name) for pattern in patterns)
        ]
        yield Finding(path, keyword, tuple(unknown), schema=schema)
    else:
        yield Finding(path, keyword, schema=schema)


def _unusable(reason: str) -> SchemaSourceError:
    return SchemaSourceError(
        f"the JSON Schema cannot be used: {reason} (only references inside it, #/..., are followed)"
    )
