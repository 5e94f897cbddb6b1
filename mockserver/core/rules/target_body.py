"""The target `body`: JSONPaths into the body, or the whole of it less what is ignored and masked.

This room decides how a body is made comparable. It must not know other targets. Whole bodies are compared by a digest
that is computed once a request, so that a thousand recordings cost one look-up.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from mockserver.core.errors import nearest
from mockserver.core.messages import ABSENT, Json, Request
from mockserver.core.rules.conditions import HOLDS, Condition, Mismatch, Mismatches
from mockserver.core.rules.equality import differences, digest
from mockserver.core.rules.jsonpath import Location, Path, compile_path, spell, walker
from mockserver.core.rules.masks import KINDS, compile_masks, masked
from mockserver.core.rules.matchers import compile_matcher
from mockserver.core.rules.target_draft import Draft, condition, words
from mockserver.core.rules.target_values import Read
from mockserver.core.rules.verdicts import Matcher, Site, shown

MAX_DIFFERENCES: Final = 8
"""Differences that one mismatch list of a whole body shows."""

_WORDS: Final = ("equals", "ignore", "mask")
_EXAMPLE: Final = "such as `body: {$.temperature: {lt: 1}}`"


def make(given: Any, site: Site, draft: Draft) -> None:
    """Compile `body`: each JSONPath is a condition of its own, `equals` with `ignore` and `mask` is one."""
    if not isinstance(given, dict) or not given:
        site.wrong(f"expected JSONPaths with matchers, got {shown(given)}", _EXAMPLE)
        return
    for name, spec in given.items():
        below = site.below(str(name))
        if isinstance(name, str) and name.startswith("$"):
            path = compile_path(name, below.report, below.path)
            if path is not None:
                _add_path(path, spec, below, draft)
        elif name not in _WORDS:
            guess = nearest(str(name), _WORDS)
            below.wrong(
                f"expected a JSONPath, got {name!r}",
                f"did you mean `{guess}` or `$.{name}`?" if guess else f"write `$.{name}`",
            )
    if "equals" in given:
        draft.conditions.append(_whole(given, site))
    else:
        for name in set(given) & {"ignore", "mask"}:
            site.below(name).wrong(f"`{name}` only goes with `equals`", "add `equals:` with the whole body")


def _add_path(path: Path, spec: Any, site: Site, draft: Draft) -> None:
    """Add the condition that some selected node is accepted; a path that selects nothing gives ABSENT."""
    if path.steps is not None:
        draft.add(f"body{spell(path.steps)}", spec, site, _node(path.steps), text=False)
        return
    patterns: list[re.Pattern[str]] = []
    matcher = compile_matcher(spec, site.report, site.path, label=site.label, patterns=patterns)
    draft.sources.extend((lambda request: path.values(request.json), pattern) for pattern in patterns)
    made = condition(site.label, _any_node(matcher, spec, site.label), lambda request: path.values(request.json))
    draft.conditions.append(Condition(made.path, made.test, holds=made.holds, spec=words(f"body{path.text}", spec)))


@functools.lru_cache(maxsize=1024)
def _node(steps: Location) -> Read:
    """Return the reader of one node of the body: one function for one place, so that it is read once for all rules."""
    value = walker(steps)
    return lambda request: value(request.json)


def _any_node(matcher: Matcher, spec: Any, label: str) -> Matcher:
    def holds(nodes: Sequence[Json]) -> bool:
        return any(map(matcher.holds, nodes)) if nodes else matcher.holds(ABSENT)

    def mismatches(nodes: Sequence[Json]) -> Mismatches:
        if holds(nodes):
            return HOLDS
        if len(nodes) < 2:
            return matcher.mismatches(nodes[0] if nodes else ABSENT)
        return (Mismatch(label, spec, list(nodes[:5]), f"none of {len(nodes)} values"),)

    return Matcher(holds, mismatches)


def _whole(given: Mapping[str, Any], site: Site) -> Condition:
    """Return the condition that the body equals the given one, both made comparable in the same way."""
    ignore, mask = given.get("ignore", []), given.get("mask", [])
    paths = _ignored(ignore, site.below("ignore"))
    masks = compile_masks(mask, site.report, site.below("mask").path)
    label = site.below("equals").label

    def comparable(document: Json) -> Json:
        return masked(pruned(document, paths), masks) if masks else pruned(document, paths)

    expected = comparable(given["equals"])

    def test(request: Request) -> Mismatches:
        if request.json is ABSENT:
            return (Mismatch(label, expected, ABSENT),)
        found = differences(expected, comparable(request.json))
        return tuple(
            Mismatch(f"{label}.{spell(at)}", wanted, value) for at, wanted, value in islice(found, MAX_DIFFERENCES)
        )

    try:
        wanted = digest(expected)
    except TypeError:
        return Condition(label, test)  # text that no request can hold: compared, and found different, the slow way
    key = words("body", [ignore, mask])

    def read(request: Request) -> Json:
        return ABSENT if request.json is ABSENT else digest(comparable(request.json))

    return Condition(
        label,
        test,
        equality=(f"{key} equals", wanted),
        read=read,
        holds=lambda request: read(request) == wanted,
        spec=f"{key} {wanted}",
    )


def _ignored(given: Any, site: Site) -> tuple[Path, ...]:
    texts = given if isinstance(given, list) else [given]
    paths = []
    for index, text in enumerate(texts):
        below = site.below(index) if isinstance(given, list) else site
        path = compile_path(text, below.report, below.path)
        if path is not None and path.steps == ():
            below.wrong("ignores the whole body", "leave `equals` out, or name a field such as $.metadata")
        elif path is not None:
            paths.append(path)
    return tuple(paths)


def pruned(document: Json, paths: Iterable[Path]) -> Json:
    """Return the document without the nodes that `paths` select; what is kept is shared, not copied."""
    tree: dict[str | int, Any] = {}
    for path in paths:
        for location in path.locations(document):
            _mark(tree, location)
    return _without(document, tree) if tree else document


def _mark(tree: dict[str | int, Any], location: Location) -> None:
    for step in location[:-1]:
        below = tree.setdefault(step, {})
        if below is None:
            return  # a node above goes already
        tree = below
    tree[location[-1]] = None


def _without(node: Json, tree: Mapping[str | int, Any]) -> Json:
    if isinstance(node, dict):
        kept = ((name, child) for name, child in node.items() if tree.get(name, tree) is not None)
        return {name: _without(child, tree[name]) if name in tree else child for name, child in kept}
    rows = ((index, child) for index, child in enumerate(node) if tree.get(index, tree) is not None)
    return [_without(child, tree[index]) if index in tree else child for index, child in rows]


_MATCHER: Final = {"$ref": "#/$defs/matcher"}
_MASK: Final = {"type": "string", "description": f"{', '.join(KINDS)}, or a regular expression"}
_PATHS: Final = {"type": "string", "pattern": "^\\$."}
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "patternProperties": {"^\\$": _MATCHER},
    "properties": {
        "equals": {"description": "the whole body, less what is ignored and masked"},
        "ignore": {
            "description": "JSONPaths that are left out of the comparison",
            "anyOf": [_PATHS, {"type": "array", "items": _PATHS}],
        },
        "mask": {
            "description": "parts of texts that may differ",
            "anyOf": [_MASK, {"type": "array", "items": _MASK}],
        },
    },
    "dependentRequired": {"ignore": ["equals"], "mask": ["equals"]},
}
"""The JSON Schema of this target."""
