"""Sessions: isolated worlds that begin, stand on the server's rules, freeze their clock, and end."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockserver.core import sessions as sessions_room
from mockserver.core.engine import MOST_EXPLAINED, Engine
from mockserver.core.limits import Limit
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


def test_a_reset_forgets_what_happened_and_keeps_the_rules(engine: Engine) -> None:
    """Counts, state, stored responses and journal go; rules, options and clock stay; what still runs is not noted."""
    text = "rules: [{name: own, replies: [{text: first, set_state: {seen: '1'}}, {text: second}], exhausted: miss}]"
    session = engine.sessions.begin("s", Options(seed=3))
    session.use(parse(text, "own").rules)
    session.frozen = 5_000.0
    first = ask(engine)
    running = ask(engine)
    session.reset()
    engine.finish(running, Ending("complete", 1.0, 2))
    assert list(session.journal.entries()) == []
    assert session.state.values == {}
    again = ask(engine)
    assert said(again) == "first"
    assert again.timeline.steps[1].data == first.timeline.steps[1].data
    assert (session.frozen, session.options.seed) == (5_000.0, 3)
    following = orjson.loads(running.timeline.steps[1].data)["id"]
    assert session.state.recall(following) is None


def test_a_clock_cannot_pass_the_last_year(engine: Engine) -> None:
    """What it shows is written as a date."""
    session = engine.sessions.begin("s")
    session.frozen = 5_000.0
    with pytest.raises(ValueError, match="9999"):
        session.advance(1e12)
    with pytest.raises(ValueError, match="9999"):
        session.advance(float("nan"))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("blue", ""),
        ("test_x[a b-é]::y", ""),
        ("x" * 200, ""),
        ("x" * 201, "200 characters"),
        ("", "empty"),
        ("a/b", "slash"),
        ("a\nb", "printable"),
        ("\ud800", "printable"),
        (" a", "blanks"),
        ("a ", "blanks"),
        ("..", "blanks"),
    ],
)
def test_what_a_session_may_be_called(name: str, word: str) -> None:
    """One printable line that a URL and a header can carry."""
    why = sessions_room.misnamed(name)
    assert word in why
    assert bool(why) == bool(word)


def test_an_alias_means_another_session(engine: Engine) -> None:
    """What comes in by the alias is told under the session's own name; an ended one is not begun again by it."""
    for name in ("first", "second"):
        engine.sessions.begin(name)
        engine.sessions.alias("default", name)
        assert ask(engine, "default").session.name == name
    assert [session for session in engine.sessions.names if session == "default"] == []
    engine.sessions.end("second")
    play = ask(engine, "default")
    assert (play.exchange.status, play.exchange.request.session) == (410, "second")
    assert play.session is engine.sessions.late


def test_a_session_may_change_its_ways(engine: Engine) -> None:
    """Options count from the next request on; what was noted stays."""
    session = engine.sessions.begin("s")
    assert ask(engine, colour="red").exchange.status == 400
    session.behave(Options(validate="off"))
    assert ask(engine, colour="red").exchange.status == 200
    assert [entry.exchange.status for entry in session.journal.entries()] == [400, 200]


def test_the_first_misses_are_kept_in_parts(engine: Engine) -> None:
    """All of them are kept as text: parts hold the whole request."""
    engine.book = book(OWN)
    kept = [ask(engine, said=f"hello {number}").exchange.missed for number in range(MOST_EXPLAINED + 1)]
    assert kept[0] is not None
    assert kept[0].request.fields["input"] == "hello 0"
    assert kept[0].nearest is not None
    assert [each is None for each in kept] == [False] * MOST_EXPLAINED + [True]


def test_a_session_may_take_its_time_with_a_frozen_clock_and_none_with_a_running_one(engine: Engine) -> None:
    """`hurry` parts the time of day from the pace."""
    session = engine.sessions.begin("s")
    session.use(parse(OWN, "own").rules)

    def last() -> float:
        return float(ask(engine, stream=True).timeline.steps[-1].at)

    paced = last()
    assert paced > 200
    session.frozen = 0.0
    assert last() == 0
    session.hurry = False
    assert last() == paced
    session.frozen, session.hurry = None, True
    assert last() == 0


def test_a_client_of_a_session_that_sends_at_once_is_not_told_to_wait_long(engine: Engine) -> None:
    session = engine.sessions.begin("s")
    session.use(parse("rules: [{reply: {error: rate_limit_exceeded}}]", "own").rules)

    def wait() -> int:
        return int(dict(ask(engine).timeline.steps[0].shared)[b"retry-after-ms"])

    assert wait() == 1000
    session.hurry = True
    assert wait() == 10


def test_a_session_s_own_limits_count_apart_and_by_its_own_clock(engine: Engine) -> None:
    session = engine.sessions.begin("s")
    session.limits, session.frozen = (Limit(requests=1),), 0.0
    assert [ask(engine).exchange.status for _ in range(2)] == [200, 429]
    assert ask(engine, "other").exchange.status == 200
    session.advance(60)
    assert ask(engine).exchange.status == 200


def test_answers_are_kept_where_a_session_asks_for_it(engine: Engine) -> None:
    """As planned, even when sent at once."""
    assert ask(engine).exchange.answer is None
    engine.sessions.begin("s", Options(keep_answers=True)).frozen = 0.0
    play = ask(engine)
    assert play.exchange.answer.steps[1].data == play.timeline.steps[1].data


def test_what_all_sessions_hold_together_is_bounded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest idle makes room for the others' bytes too, and the one asked for stays."""
    monkeypatch.setattr(sessions_room, "WEIGHED_EVERY", 1)
    monkeypatch.setattr(sessions_room, "MOST_BYTES", 30_000)
    for name in ("a", "b", "c"):
        ask(engine, name, said="x" * 10_000)
    assert engine.sessions.names == ["b", "c"]
    ask(engine, "c", said="x" * 50_000)
    ask(engine, "c")
    assert engine.sessions.names == ["c"]
    assert engine.sessions.dropped == 2
