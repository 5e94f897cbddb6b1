"""JSONPath, compiled: a quick walker for names and indexes, a library for everything else.

This room decides which nodes of a document a path selects (RFC 9535). It must not know requests, rules or what the nodes
are compared with. The library is imported when the first path needs it: it is slow to load and to run.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mockserver.core.errors import Report
from mockserver.core.messages import ABSENT, MAX_DEPTH, Json

if TYPE_CHECKING:
    import jsonpath_rfc9535

Location: TypeAlias = tuple[str | int, ...]

_STEP: Final = re.compile(
    r"""\.(?P<name>[A-Za-z_\u0080-\U0010FFFF][\w\u0080-\U0010FFFF]*)"""
    r"""|\[(?P<index>0|-?[1-9][0-9]*)\]|\['(?P<single>[^'\\\x00-\x1f]*)'\]|\["(?P<double>[^"\\\x00-\x1f]*)"\]""",
    re.ASCII,
)
_MAX_INDEX: Final = 2**53 - 1
_HYPHEN: Final = re.compile(r"\.([A-Za-z_]\w*(?:-\w+)+)")
_DEEP: Final = 2 * MAX_DEPTH
"""How deep the library may descend: deeper than any body that is read."""


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. `steps` holds the names and indexes of a simple path, None for any other.

    `value` gives the first selected node or ABSENT, `values` all of them in order, `locations` where they stand.
    """

    text: str
    steps: Location | None
    value: Callable[[Json], Json]
    values: Callable[[Json], Sequence[Json]]
    locations: Callable[[Json], Sequence[Location]]


def compile_path(text: Any, report: Report, path: tuple[str | int, ...]) -> Path | None:
    """Compile a JSONPath; None when it is wrong, which is then reported with its position."""
    if not isinstance(text, str) or not text.startswith("$"):
        report(path, f"expected a JSONPath that starts with $, got {text!r}", _dollar_hint(text))
        return None
    steps = simple_steps(text)
    if steps is not None:
        return _simple(text, steps)
    return _library(text, report, path)


def simple_steps(text: str) -> Location | None:
    """Return the names and indexes of a path such as `$.a.b[0]['x y']`; None when it holds anything else."""
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            return None
        if found["index"] is not None:
            index = int(found["index"])
            if abs(index) > _MAX_INDEX:
                return None
            steps.append(index)
        else:
            name = next(part for part in (found["name"], found["single"], found["double"]) if part is not None)
            steps.append(name)
        at = found.end()
    return tuple(steps)


def spell(location: Location) -> str:
    """Write a location as a path: `("tools", 0, "x-y")` is `$.tools[0]['x-y']`."""
    parts = ["$"]
    for step in location:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _STEP.fullmatch(f".{step}"):
            parts.append(f".{step}")
        else:
            escaped = step.replace("\\", "\\\\").replace("'", "\\'")
            parts.append(f"['{escaped}']")
    return "".join(parts)


def _simple(text: str, steps: Location) -> Path:
    value = walker(steps)

    def values(document: Json) -> Sequence[Json]:
        node = value(document)
        return () if node is ABSENT else (node,)

    def locations(document: Json) -> Sequence[Location]:
        found: list[str | int] = []
        node = document
        for step in steps:
            below = _child(node, step)
            if below is ABSENT:
                return ()
            found.append(step + len(node) if isinstance(step, int) and step < 0 else step)
            node = below
        return (tuple(found),) if document is not ABSENT else ()

    return Path(text, steps, value, values, locations)


def walker(steps: Location) -> Callable[[Json], Json]:
    """Return the function from a document to the node at these steps, or ABSENT; a single name has its own."""
    if len(steps) == 1 and isinstance(steps[0], str):
        name = steps[0]
        return lambda document: document.get(name, ABSENT) if isinstance(document, dict) else ABSENT

    def value(document: Json) -> Json:
        node = document
        for step in steps:
            node = _child(node, step)
            if node is ABSENT:
                return ABSENT
        return node

    return value


def _child(node: Json, step: str | int) -> Json:
    if isinstance(step, str):
        return node.get(step, ABSENT) if isinstance(node, dict) else ABSENT
    if isinstance(node, list) and -len(node) <= step < len(node):
        return node[step]
    return ABSENT


@functools.cache
def _environment() -> jsonpath_rfc9535.JSONPathEnvironment:
    import jsonpath_rfc9535

    class Deep(jsonpath_rfc9535.JSONPathEnvironment):
        max_recursion_depth = _DEEP

    return Deep()


def _library(text: str, report: Report, path: tuple[str | int, ...]) -> Path | None:
    environment = _environment()
    from jsonpath_rfc9535 import JSONPathError

    try:
        query = environment.compile(text)
    except JSONPathError as error:
        message = str(error.args[0]) if error.args else str(error)
        where = f" at character {error.token.index + 1}" if error.token is not None else ""
        report(path, f"not a JSONPath: {message}{where} of {text!r}", _syntax_hint(text))
        return None
    except RecursionError:
        report(path, "not a usable JSONPath: nested too deeply")
        return None

    def nodes(document: Json) -> list[jsonpath_rfc9535.JSONPathNode]:
        if document is ABSENT:
            return []
        try:
            return list(query.finditer(document))
        except JSONPathError:
            return []  # deeper than the library descends: nothing selected

    def values(document: Json) -> Sequence[Json]:
        return [node.value for node in nodes(document)]

    def value(document: Json) -> Json:
        found = nodes(document)
        return found[0].value if found else ABSENT

    def locations(document: Json) -> Sequence[Location]:
        return [tuple(node.location) for node in nodes(document)]

    return Path(text, None, value, values, locations)


def _dollar_hint(text: Any) -> str:
    if isinstance(text, str) and text and not text.startswith("."):
        return f"write $.{text}" if simple_steps(f"$.{text}") is not None else "the top of the body is $"
    return "the top of the body is $, a field of it $.name"


def _syntax_hint(text: str) -> str:
    hyphen = _HYPHEN.search(text)
    return f"quote names with other characters: ['{hyphen[1]}']" if hyphen else ""
