"""What the pytest plugin costs: a run that never asks for the server, and each further test that does.

Both are differences between runs of pytest on files that hold nothing but the fixture; a rival's fixture is measured beside
ours where one is installed.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import entry_points
from pathlib import Path

RIVALS = {"pytest_httpx": "httpx_mock", "respx": "respx_mock", "openai_responses": "openai_mock"}
"""Fixtures that stand in for an HTTP service inside a test, by the package that brings them."""

FEW, MANY = 20, 820
OTHERS = ("cacheprovider", "asyncio", "anyio", "xdist", "cov", "hypothesispytest")
"""Plugins that take a hundred times longer to start, and not always as long."""
QUIET = ("-q", *(word for name in OTHERS for word in ("-p", f"no:{name}")))

NAME = "responses_mockserver"
INSTALLED = bool(entry_points(group="pytest11", name=NAME))
WITH = () if INSTALLED else ("-p", "mockserver.plugin")
WITHOUT = ("-p", f"no:{NAME}") if INSTALLED else ()


def startup(rounds: int = 25) -> float:
    """Return the milliseconds of CPU that the plugin adds to a run in which no test uses it: the quickest run of each kind.

    CPU, since a start waits for nothing, and what else the machine does must not count.
    """
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "test_it.py"
        file.write_text("def test(): pass\n", encoding="utf-8")
        times: dict[tuple[str, ...], list[float]] = {WITH: [], WITHOUT: []}
        for _ in range(rounds):
            for options, took in times.items():
                before = _busy()
                _run(file, *options)
                took.append(_busy() - before)
    return (min(times[WITH]) - min(times[WITHOUT])) * 1000


def further_test(fixture: str = "mockserver", rounds: int = 3) -> float:
    """Return the milliseconds that each further test with this fixture costs."""
    return _each(fixture, rounds) - _each("", rounds)


def rivals() -> dict[str, float]:
    """Return the same for what else is installed."""
    return {fixture: further_test(fixture) for package, fixture in RIVALS.items() if importlib.util.find_spec(package)}


def _each(fixture: str, rounds: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        took = {}
        for count in (FEW, MANY):
            file = Path(name) / f"test_{count}.py"
            arguments = "n, " + fixture if fixture else "n"
            text = f"import pytest\n@pytest.mark.parametrize('n', range({count}))\ndef test({arguments}): pass\n"
            file.write_text(text, encoding="utf-8")
            took[count] = min(_run(file, *WITH) for _ in range(rounds))
    return (took[MANY] - took[FEW]) / (MANY - FEW) * 1000


def _busy() -> float:
    """Return the seconds of CPU that the processes started from here have taken."""
    if sys.platform == "win32":  # which does not tell
        return time.perf_counter()
    import resource

    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _run(file: Path, *options: str) -> float:
    command = [sys.executable, "-m", "pytest", *QUIET, *options, "--rootdir", str(file.parent), str(file)]
    # Compiled once, as where the plugin is installed, whatever whoever measures has in the environment.
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[1],
        env={**ours, "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "mockserver-bench")},
    )
    return time.perf_counter() - began
