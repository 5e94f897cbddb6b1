"""How many tokens a request and its answer are said to have used.

This room decides the estimate: one token for every four characters of text, rounded up. It is cheap, deterministic and
independent of how a client spells its JSON; whoever needs real numbers writes `usage` in the reply. The room must not
know where the numbers are shown or what a reply overrides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mockserver.core.messages import Request

CHARACTERS_PER_TOKEN: Final = 4

_TEXT_KEYS: Final = (
    "text",
    "refusal",
    "arguments",
    "input",
    "code",
    "output",
    "result",
    "content",
    "summary",
    "instructions",
)
"""The keys under which an item, or a part of one, carries text that a model reads or writes."""


def _characters(node: Any) -> int:
    """Count the characters of text below an item, part or list of them. Bodies are at most `MAX_DEPTH` deep."""
    if isinstance(node, str):
        return len(node)
    if isinstance(node, Mapping):
        return sum(_characters(node[key]) for key in _TEXT_KEYS if key in node)
    if isinstance(node, (list, tuple)):
        return sum(map(_characters, node))
    return 0


def tokens(characters: int) -> int:
    """Return the tokens that so many characters are taken for: a quarter, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def input_tokens(request: Request) -> int:
    """Return the tokens of the instructions, the stored chain and the request's input; at least 1."""
    fields = request.fields
    read = _characters(fields.get("input")) + _characters(fields.get("instructions"))
    for item in request.history:
        read += _characters(item)
    return tokens(read) or 1


def output_tokens(output: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return the tokens of all output items, and how many of them are reasoning; at least 1 when there is any item."""
    return _spent(output), _spent(item for item in output if item.get("type") == "reasoning")


def _spent(items: Iterable[Mapping[str, Any]]) -> int:
    return sum(tokens(_characters(item)) or 1 for item in items)


def usage(input_count: int, output_count: int, reasoning: int = 0) -> dict[str, Any]:
    """Return the usage object with every detail that the official client's types require; the total is the sum."""
    return {
        "input_tokens": input_count,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": output_count,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input_count + output_count,
    }


NOTHING: Final[Mapping[str, Any]] = usage(0, 0)
"""The usage of a response that has not ended yet, in a dialect that wants an object from the first event on."""
