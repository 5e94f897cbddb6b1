"""Hosting: an engine becomes an application that a server can run.

This room decides only how the rooms of this floor are put together: exchanges on the hot path, the control application
beside it, the access log, the watch over the rule files. It must not know where settings come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mockserver.adapters.asgi import MAX_BODY, App
from mockserver.adapters.clock import Clock, SystemClock
from mockserver.adapters.control import Background, control
from mockserver.adapters.disk import RuleSet
from mockserver.adapters.watch import Watch
from mockserver.core.engine import Engine
from mockserver.core.messages import Ending, Exchange


def application(
    engine: Engine,
    *,
    clock: Clock | None = None,
    told: Callable[[Exchange, Ending], None] | None = None,
    max_body: int = MAX_BODY,
    token: str = "",
    watched: tuple[Sequence[str | Path], RuleSet] | None = None,
    tell: Callable[[str], None] | None = None,
) -> App:
    """Return the whole application.

    `told` gets each exchange and its ending (an `AccessLog`), `max_body` is in bytes, `token` lets other machines use
    `/_mock`. `watched` are the paths and the set read from them, to be read again when they change; `tell` gets one text
    per reload.
    """
    background: list[Background] = []
    if watched is not None:
        paths, rules = watched
        watch = Watch(engine, paths, rules) if tell is None else Watch(engine, paths, rules, tell)
        background.append(watch.run)
    inner = control(engine, token=token, background=background)
    return App(engine, clock or SystemClock(), control=inner, told=told, max_body=max_body)
