"""The YAML parser's events, one by one, to a plain value and the place of everything in it.

This room decides what may be nested, repeated or referred to, and how such mistakes read. It must not know rules, nor
what an unquoted word means (`yamlscalars` does).

Reading events rather than a tree keeps deep nesting, and aliases of aliases, from costing more than their text.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Set
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

from mockserver.core.errors import Problem
from mockserver.core.messages import Json
from mockserver.core.rulefiles.yamladvice import BRACES, advise
from mockserver.core.rulefiles.yamlplaces import START, Entry, Mark, Place, dotted, line_column
from mockserver.core.rulefiles.yamlscalars import CONTAINERS, TAGS, plain

MAX_DEPTH: Final = 100
"""Deeper nesting is refused: whoever reads the value may recurse."""
MAX_ALIASED: Final = 100_000
"""How much all aliases together may stand for: one for each value, one for each hundred characters of text."""

_MERGE: Final = "<<"
_HALF: Final = re.compile("[\ud800-\udfff]")

_LOADER: Final[type[Any]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser may not have been built


_Event: TypeAlias = Any
"""An event of the parser: only those made by hand lack the marks that their types say may be missing."""


class _Stop(Exception):  # noqa: N818 - not an error: reading ends early and says why in `problems`
    pass


class _Anchor(NamedTuple):
    value: Json
    weight: int
    height: int
    is_open: bool = False


class _Frame:
    """A mapping or list that is not closed yet."""

    __slots__ = (
        "anchor",
        "braces",
        "entries",
        "height",
        "is_key",
        "key",
        "key_mark",
        "merges",
        "start",
        "value",
        "weight",
    )

    def __init__(self, value: dict[str, Any] | list[Any], start: Mark, anchor: str | None, is_key: bool) -> None:
        self.value = value
        self.start = start
        self.anchor = anchor
        self.is_key = is_key
        """This container stands where a key was expected."""
        self.entries: dict[str | int, Entry] = {}
        self.key: str | _Slot | None = None
        self.key_mark = start
        self.merges: list[tuple[Json, Mark]] = []
        self.braces = False
        """A `{{`: somebody forgot the quotes around a template."""
        self.weight = 1
        self.height = 1


class _Slot(enum.Enum):
    """Where a value goes that has no key of its own."""

    MERGE = _MERGE
    NOWHERE = ""
    """Its key was a mistake, already told."""


class Reader:
    """Reads one text; what it found stands in `root`, `root_entry`, `entries` and `problems`.

    `tags` and `containers` are the explicit tags it understands, as `yamlscalars` has them for rule files.
    """

    def __init__(
        self,
        text: str,
        file: str,
        tags: Mapping[str, Callable[[str], Any]] = TAGS,
        containers: Set[str] = CONTAINERS,
    ) -> None:
        self.text = text
        self.file = file
        self.tags = tags
        self.containers = containers
        self.problems: list[Problem] = []
        self.entries: dict[int, dict[str | int, Entry]] = {}
        self.kept: list[Json] = []  # keeps every container alive, so that its id stays its own
        self.root: Json = None
        self.root_entry = Entry(START, START, Place(index=len(text)))
        self.frames: list[_Frame] = []
        self.anchors: dict[str, _Anchor] = {}
        self.aliased = 0
        self.documents = 0

    def note(self, mark: Mark, message: str, hint: str = "") -> None:
        path: list[str | int] = []
        for frame in self.frames:
            if isinstance(frame.value, list):
                path.append(len(frame.value))
            elif isinstance(frame.key, str):
                path.append(frame.key)
        self.problems.append(Problem(message, self.file, mark.line + 1, mark.column + 1, dotted(tuple(path)), hint))

    def run(self) -> bool:
        """Read the whole text. Returns whether it is broken."""
        try:
            loader = _LOADER(self.text)
            try:
                following, take = loader.get_event, self.take
                while (event := following()) is not None:
                    take(event)
            finally:
                loader.dispose()
        except _Stop:
            return True
        except yaml.YAMLError as error:
            advice = advise(error, self.text)
            line, column = line_column(self.text, advice.index)
            if not any((problem.line, problem.column) == (line, column) for problem in self.problems):
                self.frames.clear()
                self.note(Place(line - 1, column - 1), advice.message)
            return True
        return False

    def take(self, event: _Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self.scalar(event)
            case yaml.MappingStartEvent():
                self.open({}, event)
            case yaml.SequenceStartEvent():
                self.open([], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.close(event)
            case yaml.AliasEvent():
                self.alias(event)
            case yaml.DocumentStartEvent():
                self._document(event)
            case _:
                pass  # the stream's start and end, a document's end

    def _document(self, event: _Event) -> None:
        self.documents += 1
        if self.documents > 1:
            self.note(event.start_mark, "a second YAML document begins here; one file holds one document")
            raise _Stop

    # Scalars and keys

    def scalar(self, event: _Event) -> None:
        start = event.start_mark
        as_key = self._wants_key()
        word: str = event.value
        tag = event.tag
        bare = not event.style
        if tag is None and not bare and word.isascii():
            value: Any = word
        elif tag is not None and tag not in self.tags:
            self._foreign_tag(tag, start)
            value = self.text[start.index : event.end_mark.index]
        elif as_key and bare and word == _MERGE and tag is None:
            self._merge_key(start)
            return
        else:
            reader = self.tags[tag] if tag is not None else plain if bare else str
            try:
                value = reader(word) if word.isascii() else _whole(reader(word))
            except ValueError as error:
                self.note(start, str(error), "quote it to make it text")
                value = word
        weight = 1 + len(word) // 100
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchor(value, weight, 0)
        if as_key:
            self._key(value, word, start)
        else:
            self._add(value, start, event.end_mark, weight, 0)

    def _wants_key(self) -> bool:
        frames = self.frames
        return bool(frames) and frames[-1].key is None and isinstance(frames[-1].value, dict)

    def _key(self, value: Any, word: str, mark: Mark) -> None:
        frame = self.frames[-1]
        if not isinstance(value, str):
            message = f'a key must be text; write "{word}"' if word else "a key is missing before `:`"
            self.note(mark, message)
        key = value if isinstance(value, str) else word
        if key in frame.entries:
            first = frame.entries[key].key
            frame.key = key
            message = f"duplicate key, first at line {first.line + 1}, column {first.column + 1}"
            self.note(mark, message, "keep one of them")
            frame.key = _Slot.NOWHERE
        else:
            frame.key = key
        frame.key_mark = mark

    def _merge_key(self, mark: Mark) -> None:
        frame = self.frames[-1]
        frame.key_mark = mark
        frame.key = _Slot.MERGE
        if frame.merges:
            self.note(mark, "duplicate key `<<`", "it takes a list: `<<: [*one, *two]`")

    def _foreign_tag(self, tag: str, mark: Mark) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        self.note(
            mark,
            f"the YAML tag `{shown}` has no meaning here",
            "quote the text if it begins with `!`",
        )

    # Containers

    def open(self, value: dict[str, Any] | list[Any], event: _Event) -> None:
        start = event.start_mark
        is_key = self._wants_key()
        if len(self.frames) >= MAX_DEPTH:
            self.frames.clear()  # nobody reads a path that long
            self.note(start, f"nested deeper than {MAX_DEPTH} levels")
            raise _Stop
        if event.tag is not None and event.tag not in self.containers:
            self._foreign_tag(event.tag, start)
        if is_key and event.flow_style and self.text.startswith("{{", start.index - 1):
            self.frames[-1].braces = isinstance(value, dict)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchor(None, 0, 0, is_open=True)
        self.frames.append(_Frame(value, start, event.anchor, is_key))

    def close(self, event: _Event) -> None:
        frame = self.frames.pop()
        start, end = frame.start, event.end_mark
        value: Json = frame.value
        if frame.merges:
            self._merge(frame)
        self.entries[id(value)] = frame.entries
        self.kept.append(value)
        if frame.braces and not (frame.is_key and self.frames[-1].braces):
            self.note(start, BRACES)
            value = self.text[start.index : end.index]
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchor(value, frame.weight, frame.height)
        if not frame.is_key:
            self._add(value, start, end, frame.weight, frame.height)
            return
        parent = self.frames[-1]
        if not parent.braces:
            self.note(start, "a key must be text, not a mapping or a list")
        parent.key, parent.key_mark = _Slot.NOWHERE, start

    def _add(self, value: Json, start: Mark, end: Mark, weight: int, height: int) -> None:
        if not self.frames:
            self.root, self.root_entry = value, Entry(start, start, end)
            return
        frame = self.frames[-1]
        frame.weight += weight
        if height >= frame.height:
            frame.height = height + 1
        if isinstance(frame.value, list):
            frame.entries[len(frame.value)] = Entry(start, start, end)
            frame.value.append(value)
            return
        key, frame.key = frame.key, None
        if key is _Slot.MERGE:
            frame.merges.append((value, start))
        elif isinstance(key, str):
            frame.entries[key] = Entry(frame.key_mark, start, end)
            frame.value[key] = value

    def _merge(self, frame: _Frame) -> None:
        """Add what `<<` brings; the mapping's own keys win, then the first of several sources."""
        assert isinstance(frame.value, dict)
        for given, mark in frame.merges:
            for source in given if isinstance(given, list) else [given]:
                if not isinstance(source, dict):
                    self.note(mark, "`<<` takes a mapping or a list of mappings", "write e.g. `<<: *name`")
                    continue
                for key, value in source.items():
                    if key not in frame.value:
                        frame.value[key] = value
                        frame.entries[key] = self.entries[id(source)][key]

    # Aliases

    def alias(self, event: _Event) -> None:
        start = event.start_mark
        name = event.anchor or ""
        anchor = self.anchors.get(name)
        as_key = self._wants_key()
        if anchor is None or anchor.is_open:
            if anchor is None:
                message = f"an unquoted `*` begins a YAML alias, and no anchor `&{name}` stands before it"
                self.note(start, message, f'if text is meant, quote it: "*{name}"')
            else:
                self.note(start, f"the alias `*{name}` stands inside the very value it names")
            anchor = _Anchor(f"*{name}", 1, 0)
        self.aliased += anchor.weight
        if self.aliased > MAX_ALIASED:
            self.note(start, f"the aliases of this file stand for more than {MAX_ALIASED} values")
            raise _Stop
        if len(self.frames) + anchor.height > MAX_DEPTH:
            self.frames.clear()
            self.note(start, f"nested deeper than {MAX_DEPTH} levels")
            raise _Stop
        if not as_key:
            self._add(anchor.value, start, event.end_mark, anchor.weight, anchor.height)
        elif isinstance(anchor.value, str):
            self._key(anchor.value, anchor.value, start)
        else:
            self.note(start, f"a key must be text; `*{name}` is not")
            self.frames[-1].key, self.frames[-1].key_mark = _Slot.NOWHERE, start


def _whole(value: Any) -> Any:
    # Only the parser in Python lets `"\ud800"` through; no encoder would.
    if isinstance(value, str) and _HALF.search(value) is not None:
        raise ValueError("half of a surrogate pair is no character")
    return value
