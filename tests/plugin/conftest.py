"""Pytest inside pytest: a run of its own for test files written here, with this plugin."""

from __future__ import annotations

import os
import pkgutil
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

import pytest
from openai import OpenAI

import mockserver
from mockserver.testing.server import MockServer

CLIENT = """
import pytest
from openai import OpenAI

made = []


def another(**options):
    made.append(OpenAI(max_retries=0, **options))
    return made[-1]


client = another()


def ask(said="hi", to=client, **more):
    return to.responses.create(model="gpt-5", input=said, **more).output_text


def swallow(said="hi", to=client, **more):
    try:
        ask(said, to, **more)
    except Exception:
        pass
"""
"""An app with a client that is made when the module is imported, and that swallows its errors."""


class Closing:
    """Closes the app's clients at the end of a run in this process: nobody else would before they are thrown away."""

    def pytest_sessionfinish(self) -> None:
        """Close them."""
        for client in getattr(sys.modules.get("app"), "made", ()):
            client.close()


INSTALLED = bool(entry_points(group="pytest11", name="responses_mockserver"))

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:cov")


class Inner:
    """Runs test files in a pytest of their own."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path

    def write(self, **files: str) -> None:
        """Write modules by name; each may use the app above."""
        self.pytester.makepyfile(
            **{name: f"from app import *\n{dedent(text).lstrip()}" for name, text in files.items()}
        )

    def run(self, *args: str, process: bool = False) -> pytest.RunResult:
        """Run; in a process of its own where the start of one is the point."""
        plugin = () if INSTALLED else ("-p", "mockserver.plugin")
        every = (*plugin, *QUIET, *args)
        if process:
            return self.pytester.runpytest_subprocess(*every)
        return self.pytester.runpytest_inprocess(*every, plugins=[Closing()])

    def check(self, text: str, *args: str, **outcomes: int) -> str:
        """Run one test file, and hold its outcomes to these; return what was printed."""
        self.write(test_it=text)
        result = self.run(*args)
        result.assert_outcomes(**outcomes)
        return result.stdout.str()


@pytest.fixture(scope="session")
def loaded() -> None:
    """Import everything: a run in this process forgets what it has imported, and half a package must not be forgotten."""
    for room in pkgutil.walk_packages(mockserver.__path__, "mockserver."):
        if not room.name.endswith("__main__"):
            import_module(room.name)
    with MockServer() as server, OpenAI(**server.client_kwargs) as client:
        server.otherwise("hi")
        client.responses.create(model="m", input="hi")


@pytest.fixture
def inner(loaded: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Inner:
    """A folder for a run, with the app in it and none of the environment of whoever runs us."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    package = str(Path(mockserver.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH")))))
    pytester.makepyfile(app=CLIENT)
    pytester.syspathinsert()
    made = Inner(pytester)
    ini(made)
    return made


def ini(inner: Inner, *lines: str) -> None:
    """Write the run's configuration."""
    inner.pytester.makeini("\n".join(["[pytest]", "asyncio_default_fixture_loop_scope = function", *lines]))
