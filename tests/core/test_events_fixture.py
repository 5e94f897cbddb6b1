"""The shipped rules for every event: all 59 types are sent, each stream is legal and valid for the official client."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import orjson
import pytest

from mockserver.core.events import Answer
from mockserver.core.grammar.sequence import EVENTS, SCHEMA_TYPES
from mockserver.core.literals.literal import compose
from mockserver.core.reply import Events
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import Rule, RuleBook
from tests.core.answering import asked, assert_legal, assert_valid_response, dialect, request

FILE: Final = Path(__file__).parents[2] / "fixtures" / "events.mock.yaml"
READ: Final = parse(FILE.read_text(encoding="utf-8"), FILE.name)
WHOLE: Final = ("mock/every-event", "mock/every-event/failed", "mock/every-event/incomplete")
SINGLE: Final = [f"mock/event/{name}" for name in EVENTS if name in SCHEMA_TYPES]


def answered(model: str) -> tuple[Rule, Answer]:
    """Return the one rule for this model and what it answers."""
    asking = request(model=model)
    (rule,) = RuleBook(READ.rules).candidates(asking)
    reply = rule.replies[0][0]
    assert isinstance(reply.kind, Events)
    return rule, compose(reply.kind, reply, asked(asking))


def test_the_file_has_no_mistakes_and_no_excuses() -> None:
    """No rule needs `allow_invalid`; there is one for each type, and the whole ones."""
    assert READ.problems == ()
    assert not any(rule.allow_invalid for rule in READ.rules)
    assert len(READ.rules) == len(WHOLE) + len(SINGLE) == 62


@pytest.mark.parametrize("model", [*WHOLE, *SINGLE])
def test_each_stream_is_legal_and_valid(model: str) -> None:
    """By the grammar, by our schemas and by the client's strict types; JSON says the same."""
    _, answer = answered(model)
    assert_legal(answer.events, dialect())
    assert_valid_response(orjson.loads(orjson.dumps(answer.response)), dialect())
    if model in SINGLE:
        assert model.removeprefix("mock/event/") in {event.type for event in answer.events}


def test_the_whole_rules_send_every_type() -> None:
    """One stream sends all that one answer can hold, two more the rest."""
    sent = [{event.type for event in answered(model)[1].events} for model in WHOLE]
    assert sent[0] == SCHEMA_TYPES - {"error", "response.failed", "response.incomplete"}
    assert set.union(*sent) == SCHEMA_TYPES
