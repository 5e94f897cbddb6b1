"""Servers for the adapters' tests: every loop and parser that this machine has."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mockserver.adapters.server import Server
from mockserver.adapters.wire import protocol
from tests.adapters.doubles import FakeEngine, serve

Starter = Callable[..., Server]


def _stacks() -> Iterator[tuple[str, type[asyncio.Protocol]]]:
    loops = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]
    parsers = [protocol("h11"), *([protocol("httptools")] if importlib.util.find_spec("httptools") else [])]
    for loop in loops:
        for parser in parsers:
            yield loop, parser


STACKS = list(_stacks())


@pytest.fixture(params=STACKS, ids=[f"{loop}-{parser.__name__}" for loop, parser in STACKS])
def start(request: pytest.FixtureRequest) -> Iterator[Starter]:
    """Start a server around an engine on this loop and parser; it is stopped after the test."""
    loop, parser = request.param
    with ExitStack() as stack:

        def starter(engine: FakeEngine, **settings: int) -> Server:
            return stack.enter_context(serve(engine, loop=loop, http=parser, **settings))

        yield starter


@pytest.fixture
def quickest() -> Iterator[Starter]:
    """Start a server on the loop and parser that people get."""
    with ExitStack() as stack:
        yield lambda engine, **settings: stack.enter_context(serve(engine, **settings))
