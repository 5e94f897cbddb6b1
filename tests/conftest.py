"""What the whole suite shares: pytest inside pytest, and tests of a package index, which run only when they are asked for."""

from __future__ import annotations

import signal

import pytest

pytest_plugins = ["pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--online", action="store_true", help="also run tests that need a package index")


def pytest_configure() -> None:
    """Let interrupts count: a shell that runs us in the background has them ignored, and processes of ours inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--online"):
        return
    for item in items:
        if item.get_closest_marker("online"):
            item.add_marker(pytest.mark.skip(reason="needs a package index; run with --online, or `make wheel`"))
