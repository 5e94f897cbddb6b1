"""What the whole suite shares: pytest inside pytest, and tests of a package index, which run only when they are asked for."""

from __future__ import annotations

import signal

import pytest

pytest_plugins = ["pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--online", action="store_true", help="also run tests that need a package index")


def pytest_configure() -> None:
    """Let signals count in processes of ours: a shell that runs us in the background has some ignored, which they inherit."""
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--online"):
        return
    for item in items:
        if item.get_closest_marker("online"):
            item.add_marker(pytest.mark.skip(reason="needs a package index; run with --online, or `make wheel`"))
