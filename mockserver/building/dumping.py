"""Rules built in Python, as the text of a rule file.

This room decides how it is laid out, and what cannot be written: tests and answers that are functions. It must not know
what the keys of a rule mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from mockserver.building.drafts import Draft
from mockserver.building.places import of_function
from mockserver.core.rulefiles.written import flow
from mockserver.core.rulefiles.yamlplaces import dotted
from mockserver.core.rules.predicates import Predicate
from mockserver.core.templates import Compact
from mockserver.words import Answer

WIDTH: Final = 110
"""Characters of a line, where its value can be spread over several."""


def dump(drafts: Sequence[Draft]) -> str:
    """Return a rule file that gives the same answers as these rules, each under the place where it was built.

    A rule that only Python can say is left out, and a comment in its place says why; so is a `when` without a reply.
    """
    lines: list[str] = []
    last: list[str] = []
    for draft in drafts:
        said = list(_otherwise(draft) if draft.otherwise else _rule(draft))
        (last if draft.otherwise else lines).extend(said)
    if not any(not line.lstrip().startswith("#") for line in lines):
        lines.insert(0, "rules: []")
    else:
        lines.insert(0, "rules:")
    return "\n".join([*lines, *last, ""])


def _rule(draft: Draft) -> Iterator[str]:
    mapping = draft.mapping()
    reason = _unwritable(draft, mapping)
    if reason:
        yield f"  # {_one_line(draft.place)}: left out: {reason}"
        return
    yield f"  # {_one_line(draft.place)}"
    for number, line in enumerate(_block(plain(mapping))):
        yield f"  {'  ' if number else '- '}{line}"


def _otherwise(draft: Draft) -> Iterator[str]:
    mapping = draft.mapping()
    reason = _unwritable(draft, mapping)
    if not reason and "reply" not in mapping:
        reason = "`otherwise` in a rule file is a single reply"
    if reason:
        yield f"# {_one_line(draft.place)}: `otherwise` left out: {reason}"
        return
    yield f"# {_one_line(draft.place)}"
    yield from _entry("otherwise", plain(mapping["reply"]))


# What cannot be written


class Unwritable(NamedTuple):
    """What keeps a rule from being written: a test or a function that is Python, or look-ups in JSON among other items."""

    what: Literal["test", "function", "look-ups"]
    words: str


def unwritable(mapping: Mapping[str, Any]) -> Unwritable | None:
    """Return the first thing in a draft's `mapping` that cannot be written, None when all can."""
    return next(_python(mapping, ()), None)


def _unwritable(draft: Draft, mapping: Mapping[str, Any]) -> str:
    if not draft.answers:
        return "it has no reply"
    found = unwritable(mapping)
    return "" if found is None else found.words


def _python(value: Any, path: tuple[str | int, ...]) -> Iterator[Unwritable]:
    """Yield why a value cannot be written."""
    if isinstance(value, Predicate):
        yield Unwritable("test", f"`{dotted(path)}` is Python: {_one_line(value.words)}")
    elif isinstance(value, Answer):
        named = "" if value.function is None else of_function(value.function)
        yield Unwritable("function", f"`{dotted(path)}` is a Python function: {named}")
    elif isinstance(value, Compact):
        if "{{" in flow(plain(value.value)):
            yield Unwritable("look-ups", f"`{dotted(path)}` is JSON with look-ups among other items")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _python(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _python(each, (*path, index))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def plain(value: Any) -> Any:
    """Return a value as a rule file can hold it."""
    if isinstance(value, Compact):
        import orjson  # loaded with the engine anyway; here for the one spelling of compact JSON

        return orjson.dumps(value.value).decode()
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


# Layout: one line where it fits, else one entry a line


def _block(value: Mapping[str, Any]) -> Iterator[str]:
    for name, each in value.items():
        yield from _entry(name, each)


def _entry(name: str, value: Any) -> Iterator[str]:
    key = flow({name: 0}).removeprefix("{").removesuffix(": 0}")
    line = f"{key}: {flow(value)}"
    if len(line) <= WIDTH or not value or not isinstance(value, (dict, list)):
        yield line
        return
    yield f"{key}:"
    yield from (f"  {each}" for each in (_block(value) if isinstance(value, dict) else _list(value)))


def _list(value: Sequence[Any]) -> Iterator[str]:
    for each in value:
        line = f"- {flow(each)}"
        if len(line) <= WIDTH or not isinstance(each, dict) or not each:
            yield line
            continue
        for number, inner in enumerate(_block(each)):
            yield f"{'  ' if number else '- '}{inner}"
