"""The pytest plugin: fixtures, marker, settings, and a verdict on every test that uses the server.

This room decides at which moments of a run something happens. It must not know what: `pytesting.run` does. Nothing heavy
is imported until a test asks for the server; a run in which none does pays next to nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from mockserver.core.errors import MockServerError
from mockserver.pytesting import ini
from mockserver.pytesting.run import FIXTURE, MARKER, Run

if TYPE_CHECKING:
    from mockserver.testing.server import MockServer

RUN: Final = pytest.StashKey[Run]()


def _only_hands_out(config: pytest.Config) -> bool:
    """Say whether this process gives the tests to others: they have servers of their own."""
    return not hasattr(config, "workerinput") and config.getoption("dist", "no") != "no"


SECTION: Final = "mockserver"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    ini.declare(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Take the port and point clients at it, before any conftest or test module is imported."""
    _begin(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(*rules, strict, allow, recording, validate, speed, ...): rule files and options of the `mockserver` fixture",
    )
    run = _begin(config)
    if _only_hands_out(config):
        run.step_back()


def _begin(config: pytest.Config) -> Run:
    """Return the run of this process; it ends when pytest does, however it does."""
    run = config.stash.get(RUN, None)
    if run is None:
        try:
            run = config.stash[RUN] = Run(config)
            config.add_cleanup(run.close)
            run.begin_early()
        except MockServerError as error:
            raise pytest.UsageError(str(error)) from None
    return run


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give a marked test the fixture, and set it up before any other: a fixture of any scope may already ask something."""
    names: list[str] | None = getattr(item, "fixturenames", None)
    if names is None:
        return
    if FIXTURE in names:
        names.remove(FIXTURE)
    elif f"{FIXTURE}_url" not in names and item.get_closest_marker(MARKER) is None:
        return
    names.insert(0, FIXTURE)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Make sure of a shared server before tests are handed out: the processes that run them have no voice."""
    if _only_hands_out(session.config) and not session.config.option.collectonly:
        with _said_at_once():
            session.config.stash[RUN].hand_out()


@contextmanager
def _said_at_once() -> Iterator[None]:
    """End the run in one line where a shared server cannot be used."""
    try:
        yield
    except MockServerError as error:
        raise pytest.UsageError(f"--mockserver-url: {error}") from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Start the server if a chosen test needs it; else leave the environment alone."""
    if not session.config.option.collectonly and not _only_hands_out(session.config):
        run = session.config.stash[RUN]
        used = any(FIXTURE in getattr(item, "fixturenames", ()) for item in session.items)
        run.collected(used)
        if used and run.shared and not hasattr(session.config, "workerinput"):
            with _said_at_once():
                run.serve()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """From here on, what comes too late is for this test to hear of."""
    with _said_plainly():
        item.config.stash[RUN].mark()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that has passed, when something is wrong with its session."""
    result = yield
    with _said_plainly():
        text = item.config.stash[RUN].judge(item)
    if text:
        raise pytest.fail.Exception(text, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show of a failure the test's own lines; add a section to the report of a test that has failed by itself."""
    if call.excinfo is not None and not item.config.getoption("fulltrace", False):
        from mockserver.pytesting.tracebacks import cut

        cut(call.excinfo)
    report = yield
    if report.failed:
        text = item.config.stash[RUN].section(item)
        if text:
            report.sections.append((SECTION, text))
    return report


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Tell whoever wrote the test what is wrong with it, and nothing of our code."""
    try:
        yield
    except MockServerError as error:
        raise pytest.fail.Exception(f"mockserver: {error}", pytrace=False) from None


@pytest.fixture(scope="session")
def mockserver_config() -> Mapping[str, Any]:
    """Options for every test that can see this fixture: override it in a conftest, module or class, in any scope.

    The keys are those of the marker, and `rules` for rule files.
    """
    return {}


@pytest.fixture(scope="session")
def mockserver_url(request: pytest.FixtureRequest) -> str:
    """The base URL for an app that is started once: it means the session of whichever test is running."""
    run = request.config.stash[RUN]
    with _said_plainly():
        run.serve()
    return run.base_url


@pytest.fixture
def mockserver(
    request: pytest.FixtureRequest, mockserver_config: Mapping[str, Any]
) -> Generator[MockServer, None, None]:
    """A server for this test alone: give it rules with `when(...)`, point clients at its `base_url`."""
    run = request.config.stash[RUN]
    with _said_plainly():
        running = run.begin(request.node, mockserver_config)
    yield running.server
    with _said_plainly():
        text = run.end(running)
    if text:
        raise pytest.fail.Exception(text, pytrace=False)
