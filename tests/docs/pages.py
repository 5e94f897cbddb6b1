"""The documents as data: pages, their code blocks with the file names they go by, inline code, tables and links.

A block belongs to a file where the sentence before it names one: "`app.py` holds".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = tuple(
    ROOT / name for name in ("README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")))
)

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED: Final = re.compile(r"`([\w./-]+)` holds\n\n\Z")
_HEADING: Final = re.compile(r"^(#+) (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, the file it is to stand in ("" for none), and its line on the page."""

    page: str
    language: str
    text: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a console block and the lines shown after it; `line` is where on the page it stands."""

    text: str
    shown: tuple[str, ...]
    line: int


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the fenced blocks of a page in these languages, all unless named, in order."""
    text = read(page)
    return [
        Block(page.name, found[1], found[2], named[1] if (named := _NAMED.search(text[: found.start()])) else "", line)
        for found in _FENCE.finditer(text)
        if (line := text[: found.start()].count("\n") + 2) and (not languages or found[1] in languages)
    ]


def every(*languages: str) -> list[Block]:
    """Return the blocks of all pages."""
    return [block for page in PAGES for block in blocks(page, *languages)]


def is_tests(block: Block) -> bool:
    """Say whether a block is tests for pytest, as opposed to a program or a file."""
    return block.language == "python" and not block.file and "def test_" in block.text


def is_script(block: Block) -> bool:
    """Say whether a block is a program to be run as it is."""
    return block.language == "python" and not block.file and not is_tests(block)


def write(folder: Path, block: Block) -> None:
    """Write a block where the page says that it stands."""
    path = folder / block.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a console block: lines after `$ `, continued after a backslash, comments left out."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        before = block.text[: block.text.index(part)].count("\n")
        lines = part.replace("\\\n", " ").splitlines()
        yield Command(re.sub(r"\s+# .*", "", lines[0]), tuple(lines[1:]), block.line + before)


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", read(page))


def inline(page: Path) -> list[str]:
    """Return the inline code of a page."""
    return [found[1].replace("\n", " ") for found in re.finditer(r"`([^`]+)`", prose(page))]


def sections(page: Path) -> dict[str, str]:
    """Return the text under each heading, up to the next one of any level."""
    text = read(page)
    without = _FENCE.sub(lambda found: re.sub(r"^#", " ", found[0], flags=re.MULTILINE), text)
    found = list(_HEADING.finditer(without))
    ends = [*(each.start() for each in found[1:]), len(text)]
    return {each[2]: text[each.end() : end] for each, end in zip(found, ends, strict=True)}


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row in a text, heads and rules left out."""
    lines = text.splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("|") and not line.startswith("|---") and not below.startswith("|---")
    ]


def code(cell: str) -> list[str]:
    """Return the inline code of a table cell."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(page: Path) -> set[str]:
    """Return what `#...` may name on a page, as forges make it of headings."""
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in sections(page)}


def links(page: Path) -> list[str]:
    """Return the targets of the links on a page that stay in the repository."""
    return [link for link in re.findall(r"\]\(([^)]+)\)", prose(page)) if "://" not in link]
