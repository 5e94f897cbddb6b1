"""The example projects pass as they stand, each copied to a folder of its own."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import ROOT
from tests.docs.runs import passes

EXAMPLES: Final = ROOT / "docs" / "examples"
NEEDS: Final = {"openai_agents": ("agents", "openai-agents")}
"""What an example needs that the tests do not: a module, and the distribution it comes in."""


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_an_example_passes(name: str, tmp_path: Path) -> None:
    module, distribution = NEEDS.get(name, ("openai", "openai"))
    if find_spec(module) is None:
        pytest.skip(f"{distribution} is not installed")
    folder = Path(shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")))
    assert " passed" in passes(folder)
