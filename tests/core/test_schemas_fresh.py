"""The built schemas in the repository are what their sources say: `make schemas` writes them anew."""

from __future__ import annotations

import pytest

from mockserver.core.schemas.overlay import text
from tests.core.sources import DIALECTS, SCHEMAS, built


@pytest.mark.parametrize("name", DIALECTS)
def test_built_files_are_fresh(name: str) -> None:
    """No file is missing, stale or left over."""
    fresh = {place: text(value) for place, value in built(name).items()}
    stood = {
        file.relative_to(SCHEMAS / name).as_posix(): file.read_text("utf-8")
        for file in (SCHEMAS / name).rglob("*")
        if file.is_file()
    }
    assert sorted(stood) == sorted(fresh), "run `make schemas`"
    assert [place for place in fresh if stood[place] != fresh[place]] == [], "run `make schemas`"


def test_every_overlay_is_built() -> None:
    """A dialect's overlay and its folder come together."""
    overlays = {path.stem for path in (SCHEMAS / "dialects").glob("*.yaml")}
    folders = {path.parent.name for path in SCHEMAS.glob("*/dialect.json")}
    assert folders == overlays | {"standard"} == set(DIALECTS)
