"""Whether a request body is one the API would take, and the refusal if not.

This room decides which bodies are refused, what no schema states (fields that need or exclude each other) and in which
order violations are told. It must not know how a violation reads (`wording`) or what becomes of it (`engine`).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Literal, TypeAlias

from mockserver.core import catalogue
from mockserver.core.dialect import Dialect
from mockserver.core.messages import ABSENT, EMPTY, Json, Request, Violation
from mockserver.core.reply import Error
from mockserver.core.schemas.schema import Schema, SchemaViolation
from mockserver.core.schemas.typewords import got
from mockserver.core.schemas.wording import dotted, told, violation

Mode: TypeAlias = Literal["enforce", "warn", "off"]
Fields: TypeAlias = Mapping[str, Json]


MOST_TOLD: Final = 100
"""Violations told of one body. Each costs a search for names that are near, and the journal keeps them all."""


class Stage(enum.IntEnum):
    """The order in which the API looks (observed): it tells a fault of an earlier stage and none of later ones."""

    MODEL = 0
    INPUT = 1
    UNKNOWN = 2
    FIELD = 3
    STATE = 4
    EMPTY = 5
    ABILITY = 6


_STATE: Final = ("conversation", "prompt", "previous_response_id")


def _given(fields: Fields, *names: str) -> bool:
    return any(fields.get(name) is not None for name in names)


def _prompted(fields: Fields) -> bool:
    """Say whether a stored prompt is used, which may bring model and input."""
    return isinstance(fields.get("prompt"), dict)


_BETWEEN_FIELDS: Final[tuple[tuple[Stage, Callable[[Fields], bool], Violation], ...]] = (
    # A chain or a conversation brings input of its own, yet the API wants the key to be there.
    (
        Stage.MODEL,
        lambda fields: "model" not in fields and not _prompted(fields),
        violation("missing_required_parameter", "model", ("model",)),
    ),
    (
        Stage.INPUT,
        lambda fields: "input" not in fields and "messages" not in fields and not _prompted(fields),
        violation("missing_required_parameter", "input", ("input",)),
    ),
    (
        Stage.STATE,
        lambda fields: _given(fields, "conversation") and _given(fields, "previous_response_id"),
        violation("mutually_exclusive_parameters", None, first="conversation", second="previous_response_id"),
    ),
    (
        Stage.EMPTY,
        lambda fields: fields.get("input") in ("", []) and not _given(fields, *_STATE),
        violation("empty_input", None, ("input",)),
    ),
    (
        Stage.ABILITY,
        lambda fields: fields.get("model") == "",
        violation("empty_model", "model", ("model",)),
    ),
)
"""When a fault that no schema states is there, the test for it, and how it is told."""

_LENIENT: Final = frozenset({((), "required"), (("max_tool_calls",), "minimum")})
"""Violations, by path and keyword, that generated test suites of client libraries commit by the dozen."""


class Validator:
    """Checks the bodies of `POST /v1/responses` against a dialect's request schema.

    `mode` `off` looks no further than that the body is a JSON object; `warn` and `enforce` find the same violations, what
    becomes of them is the engine's. `lenient` takes bodies without model or input, contradictory parameters and
    `max_tool_calls` 0. `allow_params` are keys let through although unknown: a name counts at any depth, a dotted path
    (`tools.defer_loading`, no indexes) in that place alone.

    The rules between fields hold where the dialect's request is closed. A dialect that takes any key states fields and
    types and nothing more.
    """

    def __init__(
        self,
        dialect: Dialect,
        mode: Mode = "enforce",
        lenient: bool = False,
        allow_params: frozenset[str] = frozenset(),
    ) -> None:
        self.mode = mode
        self.lenient = lenient
        self.allow_params = allow_params
        self._schema: Schema | None = None if mode == "off" else dialect.schema("request")
        document = self._schema.document if self._schema else EMPTY
        self._closed = document.get("additionalProperties") is False
        self._rules = _BETWEEN_FIELDS if self._closed and not lenient else ()
        self._ranks = {name: rank for rank, name in enumerate(document.get("properties", ()), 1)}
        self._overlooked = allow_params.difference(self._ranks)

    def refuse_body(self, request: Request) -> Error | None:
        """Return the refusal of a body that is no JSON object; None when there are fields to look at.

        The provider's shape throughout: 415 for a content type that is not JSON (none at all is fine: the body speaks
        for itself), 400 for an empty body, one that cannot be read or is nested too deeply, and any JSON but an object.
        """
        sent_as = request.headers.get("content-type", "")
        if sent_as not in ("application/json", "") and self.mode != "off" and not _is_json(sent_as):
            return catalogue.error("unsupported_media_type", found=sent_as[:100])
        body = request.json
        if isinstance(body, dict):
            return None
        if body is not ABSENT:
            return catalogue.error("body_not_object", found=got(body))
        if request.malformed:
            return catalogue.error("invalid_json", reason=request.malformed)
        return catalogue.error("empty_body")

    def violations(self, request: Request) -> tuple[Violation, ...]:
        """Return what is wrong with the body's fields, in the order the API looks at them; () when nothing is.

        Of a body with very many faults the first `MOST_TOLD` or so.
        """
        schema = self._schema
        if schema is None:
            return ()
        fields = request.fields
        if self._overlooked and not self._overlooked.isdisjoint(fields):
            fields = {name: value for name, value in fields.items() if name not in self._overlooked}
        broken = [(stage, told) for stage, holds, told in self._rules if holds(fields)]
        if not broken and schema.is_valid(fields):
            return ()
        ranked = [((stage, 0), told) for stage, told in broken]
        ranked += [(self._place(each), each) for each in islice(self._against(schema, fields), MOST_TOLD)]
        ranked.sort(key=lambda pair: pair[0])
        return tuple(each for _, each in ranked)

    def error_for(self, violations: Sequence[Violation]) -> Error:
        """Return the 400 that tells the first of some violations."""
        first = violations[0]
        body = catalogue.envelope(first.message, "invalid_request_error", first.code, first.param)
        return Error(400, body, first.code if first.code and first.code in catalogue.ERRORS else "")

    def _place(self, each: Violation) -> tuple[Stage, int]:
        """Say when the API comes to this: fields go by their order in the schema, which is the API's."""
        top = str(each.path[0]) if each.path else ""
        if len(each.path) == 1:
            if each.code == "unknown_parameter":
                return Stage.UNKNOWN, 0
            if each.code == "unsupported_parameter":
                return (Stage.INPUT if top == "messages" else Stage.UNKNOWN), 0
            if each.code == "missing_required_parameter":
                return (Stage.MODEL if top == "model" else Stage.INPUT), 1
        rank = self._ranks.get(top, len(self._ranks) + 1)
        return (Stage.STATE if top in _STATE else Stage.FIELD), rank

    def _against(self, schema: Schema, fields: Fields) -> Iterator[Violation]:
        """Yield what the schema finds, field by field in the API's order, and in the order of the body below that."""
        mistyped: set[tuple[str | int, ...]] = set()
        last = len(self._ranks) + 1
        for found in sorted(
            schema.violations(fields), key=lambda each: self._ranks.get(str(each.path[0]), last) if each.path else 0
        ):
            if found.keyword == "type":
                mistyped.add(found.path)
            elif found.path in mistyped:
                continue  # what else is wrong with it follows from its type, which was told first
            if not self._excused(found):
                for each in told(found, schema.document):
                    if each.code != "unknown_parameter" or not self._allowed(each.path):
                        yield each

    def _excused(self, found: SchemaViolation) -> bool:
        if self.lenient and (found.path, found.keyword) in _LENIENT:
            return True
        # Where the table above speaks of model and input, the schema's word would be the second.
        return self._closed and found.keyword == "required" and not found.path and found.keys[0] in ("model", "input")

    def _allowed(self, path: tuple[str | int, ...]) -> bool:
        return bool(self.allow_params) and (path[-1] in self.allow_params or dotted(path) in self.allow_params)


def _is_json(content_type: str) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    return essence in ("application/json", "") or essence.endswith("+json")
