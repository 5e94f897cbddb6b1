"""Running pytest on test files that stand elsewhere, as whoever installed us would."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from tests.doors.processes import environment

INSTALLED: Final = bool(entry_points(group="pytest11", name="responses_mockserver"))

PYTEST: Final = [
    sys.executable, "-m", "pytest", *(() if INSTALLED else ("-p", "mockserver.plugin")),
    "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:cov",
    "-o", "asyncio_default_fixture_loop_scope=function",
]  # fmt: skip
"""The command, where the plugin may not be installed but only on the path."""


def passes(folder: Path, *args: str, command: list[str] = PYTEST) -> str:
    """Run the tests of a folder, warnings as errors; all pass. Return what was printed."""
    done = subprocess.run(
        [*command, "-q", "-W", "error", "--strict-config", "--strict-markers", *args],
        capture_output=True, text=True, timeout=120, cwd=folder, env=environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{folder}\n{done.stdout}{done.stderr}"
    return done.stdout
