"""Sketches: what a body holds, as a set that is quick to compare with a thousand others.

This room decides what counts as having something in common: fields with their values, and words of short texts.
It must not know what is done with the answer, which is only a first guess.
"""

from __future__ import annotations

from typing import Final

from mockserver.core.messages import Json

Sketch = frozenset[int]

_SHORT: Final = 120
"""Characters up to which a text is taken word by word; of longer ones the beginning is."""
_MOST: Final = 5000
"""Features above which the rest of a body is left out."""


def sketch(document: Json) -> Sketch:
    """Return the features of a JSON value."""
    features: set[int] = set()
    left = [("$", document)]
    while left and len(features) < _MOST:
        place, node = left.pop()
        if isinstance(node, dict):
            left += [(f"{place}.{name}", child) for name, child in node.items()]
        elif isinstance(node, list):
            left += [(f"{place}[{index}]", child) for index, child in enumerate(node)]
        elif isinstance(node, str):
            features.add(hash((place, node)))
            features.update(hash((place, word)) for word in node[:_SHORT].split())
        else:
            features.add(hash((place, node)))
    return frozenset(features)


def closeness(one: Sketch, other: Sketch) -> float:
    """Return how much two have in common, from 0 to 1."""
    together = len(one | other)
    return len(one & other) / together if together else 1.0
