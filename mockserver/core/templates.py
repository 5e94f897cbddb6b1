"""`{{ path }}` look-ups inside replies.

This room decides what a template may name and what it becomes. It must not evaluate anything: no expressions, no code.

`{{ body.tools[0].name }}` is a root (`ROOTS`) and steps: names after dots, indexes or quoted names in brackets. A string
that is nothing but one look-up becomes the value itself, whatever its type; inside other text a value becomes text,
anything but a string as compact JSON. `{{{{` stands for a literal `{{`. A value that is absent when the request is there
becomes "" inside text and null on its own, and a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from mockserver.core.errors import Report, nearest
from mockserver.core.lookups import ROOTS, Scope, Steps
from mockserver.core.messages import ABSENT, Json, Unfilled

__all__ = ["ROOTS", "Compact", "Scope", "Template", "compile_template", "render", "verbatim"]

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Compact:
    """Marks a value that becomes compact JSON text once its templates are filled in."""

    value: Any


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled JSON value. `constant` says that rendering needs no scope and gives the same value each time."""

    tree: Json
    constant: bool = True


_LOOKUP: Final = re.compile(r"([^\W\d]\w*)((?:\.[\w-]+|\[-?\d{1,9}\]|\[\"[^\"\]]*\"\]|\['[^'\]]*'\])*)\Z")
_STEP: Final = re.compile(r"\.([\w-]+)|\[(-?\d+)\]|\[[\"']([^\"']*)[\"']\]")
_TOKEN: Final = re.compile(r"\{\{\{\{|\{\{")
_OPENED: Final = re.compile(r"\{\{\s*[^\s`]*")
"""The braces with the word after them: enough to find the place again."""


@dataclass(frozen=True, slots=True)
class _Look:
    find: Callable[[Scope, Steps], Json]
    steps: Steps
    source: str

    def fill(self, scope: Scope, notes: list[str]) -> Json:
        value = self.find(scope, self.steps)
        if value is ABSENT:
            notes.append(Unfilled(f"template {{{{ {self.source} }}}} had no value"))
            return None
        return value

    def text(self, scope: Scope, notes: list[str]) -> str:
        value = self.find(scope, self.steps)
        if isinstance(value, str):
            return value
        if value is ABSENT:
            notes.append(Unfilled(f"template {{{{ {self.source} }}}} had no value"))
            return ""
        return orjson.dumps(value).decode()


@dataclass(frozen=True, slots=True)
class _Text:
    parts: tuple[str | _Look, ...]

    def fill(self, scope: Scope, notes: list[str]) -> str:
        return "".join([part if isinstance(part, str) else part.text(scope, notes) for part in self.parts])


@dataclass(frozen=True, slots=True)
class _Mapping:
    base: dict[str, Json]
    filled: tuple[tuple[str, _Node], ...]

    def fill(self, scope: Scope, notes: list[str]) -> dict[str, Json]:
        made = self.base.copy()
        for key, node in self.filled:
            made[key] = node.fill(scope, notes)
        return made


@dataclass(frozen=True, slots=True)
class _List:
    base: list[Json]
    filled: tuple[tuple[int, _Node], ...]

    def fill(self, scope: Scope, notes: list[str]) -> list[Json]:
        made = self.base.copy()
        for index, node in self.filled:
            made[index] = node.fill(scope, notes)
        return made


@dataclass(frozen=True, slots=True)
class _Compact:
    node: _Node

    def fill(self, scope: Scope, notes: list[str]) -> str:
        return orjson.dumps(self.node.fill(scope, notes)).decode()


_Node: TypeAlias = _Look | _Text | _Mapping | _List | _Compact
_NODES: Final = (_Look, _Text, _Mapping, _List, _Compact)


def compile_template(value: Json, report: Report, path: Path) -> Template:
    """Compile a JSON value whose strings (values, never keys) may hold templates and which may hold `Compact`s.

    An unknown root, bad syntax and an unclosed `{{` are reported; what was written then stands as plain text.
    """
    tree = _compile(value, report, path)
    return Template(tree, constant=not isinstance(tree, _NODES))


def verbatim(value: Json) -> Template:
    """Return a JSON value, which may hold `Compact`s, as a template that looks nothing up: `{{` is text like any other."""
    return Template(_verbatim(value))


def render(template: Template, scope: Scope, notes: list[str]) -> Json:
    """Return the value with every look-up filled in; `notes` gets a line for each that had no value.

    Constant parts and values looked up are shared, not copied: do not change the result.
    """
    tree = template.tree
    return tree if template.constant else tree.fill(scope, notes)


def _verbatim(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _verbatim(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_verbatim(each) for each in value]
    return orjson.dumps(_verbatim(value.value)).decode() if isinstance(value, Compact) else value


def _compile(value: Json, report: Report, path: Path) -> Json:
    if isinstance(value, str):
        return _compile_text(value, report, path) if "{{" in value else value
    if isinstance(value, Mapping):
        mapping = {key: _compile(each, report, (*path, key)) for key, each in value.items()}
        slots = tuple((key, node) for key, node in mapping.items() if isinstance(node, _NODES))
        return _Mapping(mapping, slots) if slots else mapping
    if isinstance(value, (list, tuple)):
        listing = [_compile(each, report, (*path, index)) for index, each in enumerate(value)]
        places = tuple((index, node) for index, node in enumerate(listing) if isinstance(node, _NODES))
        return _List(listing, places) if places else listing
    if isinstance(value, Compact):
        inner = _compile(value.value, report, path)
        return _Compact(inner) if isinstance(inner, _NODES) else orjson.dumps(inner).decode()
    return value


def _compile_text(text: str, report: Report, path: Path) -> str | _Look | _Text:
    parts: list[str | _Look] = []
    plain = ""
    at = 0
    while (token := _TOKEN.search(text, at)) is not None:
        plain += text[at : token.start()]
        if token[0] == "{{{{":
            plain += "{{"
            at = token.end()
            continue
        end = text.find("}}", token.end())
        if end < 0:
            opened = _OPENED.match(text, token.start())
            assert opened is not None, "the token itself matches"
            report(path, f"`{opened[0].rstrip()}` without `}}}}`", "write `{{{{` for a literal `{{`")
            at = token.start()
            break
        look = _compile_look(text[token.end() : end], report, path)
        at = end + 2
        if look is None:
            plain += text[token.start() : at]
            continue
        if plain:
            parts.append(plain)
            plain = ""
        parts.append(look)
    plain += text[at:]
    if not parts:
        return plain
    if plain:
        parts.append(plain)
    if len(parts) == 1 and isinstance(parts[0], _Look):
        return parts[0]
    return _Text(tuple(parts))


def _compile_look(written: str, report: Report, path: Path) -> _Look | None:
    """Compile what stands between the braces; None after reporting what is wrong with it."""
    shown = f"`{{{{{written}}}}}`" if len(written) <= 80 else f"`{{{{{written[:80]}…`"
    source = written.strip()
    found = _LOOKUP.match(source)
    if found is None:
        hint = "write a path such as {{ input }} or {{ body.tools[0].name }}, and `{{{{` for a literal `{{`"
        report(path, f"{shown} is no look-up; templates take no expressions", hint)
        return None
    name = found[1]
    root = ROOTS.get(name)
    if root is None:
        close = nearest(name, ROOTS)
        hint = f"did you mean `{close}`?" if close else f"look-ups begin with one of {', '.join(ROOTS)}"
        report(path, f"{shown} begins with an unknown name, `{name}`", hint)
        return None
    steps = tuple(_step(step, name) for step in _STEP.finditer(found[2]))
    if root.steps == "none" and steps:
        report(path, f"{shown}: `{name}` has no parts", f"write {{{{ {name} }}}}")
        return None
    if root.steps == "name" and not steps:
        report(path, f"{shown}: `{name}` needs a name", f"write e.g. {{{{ {name}.NAME }}}}")
        return None
    return _Look(root.find, steps, source)


def _step(found: re.Match[str], root: str) -> str | int:
    if found[2] is not None:
        return int(found[2])
    name = found[1] if found[1] is not None else found[3]
    return name.lower() if root == "headers" else name
