"""Every test on a page passes, and the page on pytest says what is there, all of it and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from unittest.mock import Mock

import pytest
from openai import OpenAI

import mockserver
from mockserver.building.answers import Modifiers
from mockserver.pytesting.ini import declare
from mockserver.pytesting.names import KEYWORDS, VARIABLES
from mockserver.pytesting.wishes import Places, Wishes
from mockserver.testing.handle import RULE
from mockserver.testing.server import MockServer
from mockserver.testing.verdict import ALLOWABLE
from mockserver.testing.vocabulary import Vocabulary
from tests.docs.pages import PAGES, ROOT, blocks, code, is_tests, read, rows, sections, write
from tests.docs.runs import passes
from tests.live import serving

PAGE: Final = sections(ROOT / "docs" / "pytest.md")
WITH_TESTS: Final = [page for page in PAGES if any(map(is_tests, blocks(page)))]
WORDS: Final = sorted(name for name in vars(Vocabulary) if not name.startswith("_"))


@pytest.mark.parametrize("page", WITH_TESTS, ids=lambda page: page.name)
def test_the_tests_of_a_page_pass(page: Path, tmp_path: Path) -> None:
    """Each block is a file of its own, beside the files whose content the page gives."""
    count = 0
    for block in blocks(page):
        if is_tests(block):
            (tmp_path / f"test_line_{block.line}.py").write_text(block.text, encoding="utf-8")
            count += 1
        elif block.file and not block.file.startswith("test_"):
            write(tmp_path, block)
    if any("recording=True" in block.text for block in blocks(page)):
        (tmp_path / "real.mock.yaml").write_text("otherwise: {text: Once upon a time}\n", encoding="utf-8")
        with serving(tmp_path / "real.mock.yaml") as real:
            passes(tmp_path, "--mockserver-record=all", f"--mockserver-upstream={real.base_url}")
    told = passes(tmp_path, "-rA")
    assert len(set(re.findall(r"PASSED (test_line_\d+\.py)", told))) == count


def test_every_word_is_in_a_table() -> None:
    """With an example that can be said as it stands."""
    cells = [*rows(PAGE["What a model can say"]), *rows(PAGE["Conditions"])]
    examples = [example for row in cells for example in code(row[0])]
    said = {name: getattr(mockserver, name) for name in mockserver.__all__}
    for example in examples:
        eval(example, dict(said))
    text = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
    missing = [word for word in WORDS if not re.search(rf"\b{word}\b", text)]
    assert missing == []
    faults = {"cut", "delay", "reset", "stall", "Timing"}
    assert {example.partition("(")[0] for example in examples} == set(WORDS) - faults


def test_every_keyword_of_a_reply_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE["Rules"]))
    assert {*Modifiers.__annotations__, *RULE, "times"} <= told


def test_every_finding_is_told_as_it_is() -> None:
    assert [code(row[0])[0] for row in rows(PAGE["The verdict"])] == list(ALLOWABLE)


def test_every_option_and_setting_is_told() -> None:
    """The marker's keywords, and what pytest knows of the plugin's settings."""
    table = rows(PAGE["Options"])
    told = {name for row in table for name in code(row[0]) if name.isidentifier()}
    assert told == {*KEYWORDS, "rules"}
    parser = Mock()
    declare(parser)
    known = {call.args[0] for call in parser.addini.call_args_list}
    assert {name for row in table for name in code(row[1])} == known


def test_every_option_of_the_command_line_is_told() -> None:
    """On one of the pages."""
    parser = Mock()
    declare(parser)
    known = {call.args[0] for call in parser.getgroup.return_value.addoption.call_args_list}
    text = "".join(read(page) for page in PAGES)
    assert {name for name in known if name in text} == known == {"--mockserver-url", *VARIABLES}


WRITTEN: Final = [
    (title, piece)
    for title, text in sections(ROOT / "docs" / "migrate.md").items()
    for row in rows(text)
    for piece in code(row[1])
    if re.match(r"(mockserver\.|rule\.|@pytest\.mark|MockServer\()", piece)
]


@pytest.mark.parametrize("piece", sorted({piece for _, piece in WRITTEN}))
def test_what_is_written_instead_can_be_written(piece: str, tmp_path: Path) -> None:
    """Each by itself, with a server that has answered a request."""
    (tmp_path / "weather.mock.yaml").write_text("otherwise: {text: It rains.}\n", encoding="utf-8")
    if piece.startswith("@"):
        given = eval(
            piece.removeprefix("@pytest.mark."), {"mockserver": lambda *rules, **more: {"rules": rules, **more}}
        )
        Wishes().with_(given, "", Places(tmp_path, tmp_path))
        return
    with MockServer(base=tmp_path, check=False) as server, OpenAI(**server.client_kwargs) as client:
        rule = server.otherwise("ok")
        client.responses.create(model="gpt-5", input="hi")
        given = {name: getattr(mockserver, name) for name in mockserver.__all__}
        eval(piece, {**given, "mockserver": server, "rule": rule})


@pytest.mark.parametrize("tool", ["vcrpy", "respx", "pytest-httpx", "openai-responses", "aimock"])
def test_every_tool_has_its_table(tool: str) -> None:
    assert sum(title == tool for title, _ in WRITTEN) > 5
