"""Sessions: isolated worlds that begin, stand on the server's rules, freeze their clock, and end."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockserver.core import sessions as sessions_room
from mockserver.core.engine import Engine
from mockserver.core.messages import Ending, Request
from mockserver.core.options import Options
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import RuleBook
from tests.core.answering import dialect

SERVER = "rules: [{name: hi, when: {input: hi}, reply: {text: from the server}}]\notherwise: {text: server otherwise}"
OWN = "rules: [{name: own, when: {input: hi}, reply: {text: from the session, timing: {first: 200ms, every: 50ms}}}]"


def book(text: str) -> RuleBook:
    file = parse(text, "a.mock.yaml")
    assert file.usable, file.problems
    return RuleBook(file.rules, [file.otherwise] if file.otherwise else [])


@pytest.fixture
def engine() -> Engine:
    return Engine(book(SERVER), dialect("standard"))


def ask(engine: Engine, session: str = "s", said: str = "hi", **fields: Any) -> Any:
    body = orjson.dumps({"model": "m", "input": said, **fields})
    return engine.answer(Request("POST", "/v1/responses", body=body, session=session), 1_000.0)


def said(play: Any) -> str:
    document = orjson.loads(play.timeline.steps[1].data)
    return str(document["output"][0]["content"][0]["text"])


def test_own_rules_come_before_the_server_s_and_otherwise_last(engine: Engine) -> None:
    """A session stands on top of the server; others don't see its rules."""
    engine.sessions.begin("s").use(parse(OWN, "own").rules)
    assert said(ask(engine)) == "from the session"
    assert said(ask(engine, said="else")) == "server otherwise"
    assert said(ask(engine, "other")) == "from the server"


def test_a_reload_of_the_server_keeps_a_session_s_own_rules_and_counts(engine: Engine) -> None:
    """New rules below, the same world above."""
    session = engine.sessions.begin("s")
    session.use(parse(OWN, "own").rules)
    ask(engine)
    engine.book = book("otherwise: {text: new}")
    assert said(ask(engine)) == "from the session"
    assert said(ask(engine, said="else")) == "new"
    assert session.state.hits(session.rules[0]) == 2


def test_beginning_afresh_forgets_and_old_plays_end_in_the_old_journal(engine: Engine) -> None:
    """What was still running when a session began again does not write into the new one."""
    play = ask(engine)
    fresh = engine.sessions.begin("s")
    engine.finish(play, Ending("complete", 1.0, 2))
    assert list(fresh.journal.entries()) == []
    assert [entry.ending is not None for entry in play.session.journal.entries()] == [True]


def test_an_ended_session_is_refused_until_it_begins_again(engine: Engine) -> None:
    """410, not to be retried, noted where someone can look."""
    engine.sessions.begin("s")
    engine.sessions.end("s")
    play = ask(engine)
    assert play.exchange.status == 410
    assert b"'s' has ended" in play.timeline.steps[1].data
    assert (b"x-should-retry", b"false") in play.timeline.steps[0].shared
    assert len(list(engine.sessions.late.journal.entries())) == 1
    engine.sessions.begin("s")
    assert ask(engine).exchange.status == 200


def test_a_frozen_clock_plans_as_ever_and_sends_at_once(engine: Engine) -> None:
    """Planned offsets can be asserted on; nothing waits; the time of day stands still until it is advanced."""
    session = engine.sessions.begin("s")
    session.use(parse(OWN, "own").rules)
    session.frozen = 5_000.0
    play = ask(engine, stream=True)
    assert max(play.exchange.planned) == 300.0
    assert {step.at for step in play.timeline.steps} == {0.0}
    assert play.exchange.arrived == 5_000.0
    session.advance(60)
    assert ask(engine).exchange.arrived == 5_060.0
    with pytest.raises(ValueError, match="forward"):
        session.advance(-1)
    session.frozen = None
    with pytest.raises(ValueError, match="not frozen"):
        session.advance(1)


def test_options_of_its_own(engine: Engine) -> None:
    """Speed, validation and seed may differ from session to session."""
    engine.sessions.begin("loose", Options(validate="off", seed=7))
    assert ask(engine, "loose", temperature="hot").exchange.status == 200
    assert ask(engine, "strict", temperature="hot").exchange.status == 400


def test_the_number_of_sessions_is_bounded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest idle makes room, and the loss is counted."""
    monkeypatch.setattr(sessions_room, "MOST_SESSIONS", 2)
    monkeypatch.setattr(sessions_room, "MOST_ENDED", 1)
    for name in ("a", "b", "a", "c"):
        ask(engine, name)
    assert engine.sessions.names == ["a", "c"]
    assert engine.sessions.peek("b") is None
    assert engine.sessions.dropped == 1
    engine.sessions.end("a")
    engine.sessions.end("c")
    assert (engine.sessions.has_ended("a"), engine.sessions.has_ended("c")) == (False, True)
