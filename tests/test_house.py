"""The floors of the house: imports point down only, and the deciding floor never touches the world."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mockserver"
ROOMS = sorted(PACKAGE.rglob("*.py"))
CORE = [room for room in ROOMS if room.is_relative_to(PACKAGE / "core")]

WORLD = {
    "asyncio", "anyio", "httpx", "httpx2", "http", "io", "multiprocessing", "openai", "os", "pathlib", "random", "select",
    "selectors", "shutil", "signal", "socket", "starlette", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib.request", "uvicorn", "uvloop", "click", "rich",
}  # fmt: skip
"""What core must not import: the web layer, the event loop, threads, files, clocks, chance."""

TOUCHING_BUILTINS = {"open", "print", "input", "eval", "exec", "breakpoint"}

MOST_LINES = 350


def floor(module: str) -> int:
    """0 for core, 1 for adapters, 2 for doors."""
    parts = module.split(".")
    if parts[0] != "mockserver" or len(parts) == 1:
        return 2
    return {"core": 0, "adapters": 1}.get(parts[1], 2)


def name_of(room: Path) -> str:
    parts = room.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(room: Path) -> Iterator[str]:
    """Every module that a room imports, at the top or late, relative ones resolved."""
    package = name_of(room).split(".") if room.name == "__init__.py" else name_of(room).split(".")[:-1]
    for node in ast.walk(ast.parse(room.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", CORE, ids=name_of)
def test_core_never_touches_the_world(room: Path) -> None:
    """No web server, event loop, thread, file, clock or chance on the deciding floor."""
    touched = {name for name in imports(room) for banned in WORLD if name == banned or name.startswith(banned + ".")}
    assert not touched
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(room.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & TOUCHING_BUILTINS


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_imports_point_down(room: Path) -> None:
    """Core imports core, adapters import core and adapters, doors import anything."""
    mine = floor(name_of(room))
    above = {name for name in imports(room) if name.startswith("mockserver.") and floor(name) > mine}
    assert not above - {"mockserver.__version__"}


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_every_room_opens_with_what_it_decides(room: Path) -> None:
    """A room's docstring says what it is for, and a core room's also what it must not know."""
    said = ast.get_docstring(ast.parse(room.read_text(encoding="utf-8")))
    assert said
    if room in CORE and room.name != "__init__.py":
        assert "must not" in said or "decides nothing" in said


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_rooms_stay_small(room: Path) -> None:
    """A room that outgrows this is split by noun."""
    assert len(room.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_rooms_are_named_by_nouns() -> None:
    """There is no drawer for odds and ends."""
    assert not {room.stem for room in ROOMS} & {"utils", "helpers", "common", "misc", "util", "helper"}


def test_importing_the_package_is_cheap() -> None:
    """`import mockserver` loads nothing of the web server or the validators."""
    import subprocess

    script = "import sys, mockserver; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"starlette", "uvicorn", "jsonschema", "jsonschema_rs", "yaml", "asyncio"} & set(loaded)
