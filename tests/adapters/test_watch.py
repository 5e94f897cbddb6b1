"""Edits of rule files while a server runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mockserver.adapters import disk
from mockserver.adapters.watch import Watch
from mockserver.core.limits import Limit
from mockserver.core.rules.book import RuleBook
from tests.adapters.test_disk import rule, write


@dataclass
class Ruled:
    book: RuleBook = field(default_factory=lambda: RuleBook(()))
    limits: tuple[Limit, ...] = ()
    auth_keys: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.book.rules]


@dataclass
class World:
    folder: Path
    engine: Ruled
    told: list[str]
    watch: Watch


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A watched folder with one rule `old`."""
    write(tmp_path, a=rule("old"))
    rules = disk.load_rules([tmp_path])
    engine, told = Ruled(rules.book), []  # type: ignore[var-annotated]  # a list of text
    return World(tmp_path, engine, told, Watch(engine, [tmp_path], rules, told.append, interval=0, settle=0))


async def test_nothing_happens_while_nothing_changes(world: World) -> None:
    before = world.engine.book
    assert not await world.watch.look()
    assert world.engine.book is before
    assert world.told == []


async def test_an_edit_takes_the_place_of_the_old_rules(world: World) -> None:
    write(world.folder, a=rule("new") + "auth: {keys: [k]}\nlimits: {requests: 1}\n")
    assert await world.watch.look()
    assert world.engine.names == ["new"]
    assert world.engine.auth_keys == ("k",)
    assert len(world.engine.limits) == 1
    assert world.told == ["rules reloaded: 1 rule from 1 file"]


async def test_a_bad_edit_is_told_once_and_the_last_good_rules_stay(world: World) -> None:
    write(world.folder, a="rules: [{repyl: {text: x}}]\n")
    for _ in range(3):
        assert not await world.watch.look()
    assert world.engine.names == ["old"]
    assert len(world.told) == 1
    assert "repyl" in world.told[0]
    assert "last good" in world.told[0]
    write(world.folder, a=rule("mended"))
    assert await world.watch.look()
    assert world.engine.names == ["mended"]


async def test_new_and_removed_files_count(world: World) -> None:
    write(world.folder, b=rule("second"), sub__c=rule("third"))
    assert await world.watch.look()
    assert world.engine.names == ["old", "second", "third"]
    (world.folder / "b.mock.yaml").unlink()
    assert await world.watch.look()
    assert world.engine.names == ["old", "third"]


async def test_a_file_that_is_gone_for_a_moment(world: World) -> None:
    """Some editors remove and write anew; an empty folder is a mistake and not an empty set of rules."""
    path = world.folder / "a.mock.yaml"
    path.unlink()
    assert not await world.watch.look()
    assert world.engine.names == ["old"]
    write(world.folder, a=rule("back"))
    assert await world.watch.look()
    assert world.engine.names == ["back"]


async def test_an_included_file_is_watched(world: World) -> None:
    """Also one that was missing when it was named."""
    outside = world.folder.parent / f"{world.folder.name}-outside.mock.yaml"
    write(world.folder, a=f"include: [../{outside.name}]\n" + rule("old"))
    assert not await world.watch.look()
    outside.write_text(rule("outer"))
    assert await world.watch.look()
    assert world.engine.names == ["old", "outer"]
