"""What the tests of verdicts share: an engine in memory, requests to a session of it, and rules from text."""

from __future__ import annotations

from typing import Any

import orjson

from mockserver.core.engine import Engine, Play
from mockserver.core.messages import Ending, Request
from mockserver.core.options import Options
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import Rule, RuleBook
from mockserver.core.sessions import Session
from tests.core.answering import dialect

NOW = 1_700_000_000.0


def rules(text: str, file: str = "tests/test_app.py") -> tuple[Rule, ...]:
    """Return the rules of a file with this text."""
    read = parse(text, file)
    assert read.usable, read.problems
    return read.rules


class World:
    """One engine with one session, whose rules are those of `text`."""

    def __init__(self, text: str = "", **options: Any) -> None:
        self.engine = Engine(RuleBook(()), dialect("standard"), Options(**{"exhausted": "miss", **options}))
        self.session: Session = self.engine.sessions.begin("test_app")
        self.rules = rules(text) if text else ()
        self.session.use(self.rules)

    def ask(
        self, said: Any = "hi", *, session: str = "test_app", end: Any = "complete", method: str = "POST", **fields: Any
    ) -> Play:
        """Send a request and let its answer end so (None: it goes on)."""
        body = orjson.dumps({"model": "gpt-5", "input": said, **fields})
        headers = {"content-type": "application/json", "authorization": "Bearer sk-very-secret-key-1234567890"}
        request = Request(method, "/v1/responses", headers=headers, body=body, session=session)
        play = self.engine.answer(request, NOW)
        assert isinstance(play, Play)
        if end is not None:
            self.engine.finish(play, Ending(end, 1.0, 100))
        return play
