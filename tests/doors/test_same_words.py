"""A rule built of Python words and the same rule in a rule file give equal answers; so does the file that `dump` writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import words
from mockserver.adapters.disk import load_dialect
from mockserver.building import Draft, answer, conditions, dump
from mockserver.core.engine import Engine
from mockserver.core.options import Options
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import RuleBook
from tests.core.asking import Answered, ask


@dataclass(frozen=True)
class Pair:
    """The same thing twice: as Python gives it, and as a rule file says it."""

    python: Any
    file: Any


def pair(value: Any) -> Pair:
    return Pair(value, value)


VOCABULARY = (
    "rain",
    "snow",
    "Rain in Paris",
    "no",
    "12e45",
    "a: b # c",
    "ünï ☃ \U0001f600",
    "two\nlines",
    "{",
    "'\"\\",
)
WORDS = st.sampled_from(VOCABULARY)
TEXT = WORDS | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{"), min_size=1, max_size=8)
NUMBER = st.integers(-3, 30) | st.sampled_from([0.5, 1e-7, 1e22])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def matcher(name: str, word: Callable[..., Any], *arguments: Any) -> Pair:
    """Return the matcher of these arguments, which may be pairs."""
    file = [each.file if isinstance(each, Pair) else each for each in arguments]
    python = [each.python if isinstance(each, Pair) else each for each in arguments]
    lone = len(file) == 1 and name not in ("in", "any_of", "all_of")
    return Pair(word(*python), {name: file[0] if lone else file})


def several(name: str, word: Callable[..., Any], of: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    return st.lists(of, min_size=1, max_size=2).map(lambda each: matcher(name, word, *each))


NUMERIC = st.one_of(
    NUMBER.map(pair),
    NUMBER.map(lambda bound: matcher("gt", words.gt, bound)),
    NUMBER.map(lambda bound: matcher("gte", words.gte, bound)),
    NUMBER.map(lambda bound: matcher("lt", words.lt, bound)),
    NUMBER.map(lambda bound: matcher("lte", words.lte, bound)),
)
FLAGS = {re.I: "(?i)", re.S: "(?s)", re.I | re.M: "(?im)"}
SIMPLE = st.one_of(
    TEXT.map(pair),
    TEXT.map(lambda text: matcher("equals", words.equals, text)),
    several("contains", words.contains, TEXT),
    TEXT.map(lambda text: matcher("glob", words.glob, f"*{text[:2]}*".replace("[", "?"))),
    TEXT.map(lambda text: matcher("matches", words.matches, re.escape(text))),
    st.tuples(TEXT, st.sampled_from(list(FLAGS))).map(
        lambda each: Pair(re.compile(re.escape(each[0]), each[1]), {"matches": FLAGS[each[1]] + re.escape(each[0])})
    ),
    several("in", words.one_of, TEXT),
    st.booleans().map(lambda there: matcher("exists", words.exists, there)),
    st.integers(0, 12).map(lambda size: matcher("length", words.length, size)),
    st.integers(0, 12).map(lambda size: matcher("length", words.length, matcher("gte", words.gte, size))),
)
MATCHER = st.recursive(
    SIMPLE,
    lambda inner: (
        several("any_of", words.any_of, inner)
        | several("all_of", words.all_of, inner)
        | inner.map(lambda each: matcher("not", words.not_, each))
    ),
    max_leaves=3,
)
TOOLS = several("include", words.include, st.sampled_from(["find", "run"]) | SIMPLE)


def named(of: st.SearchStrategy[Pair], *names: str) -> st.SearchStrategy[Pair]:
    return st.dictionaries(st.sampled_from(names), of, min_size=1, max_size=2).map(mapped)


def mapped(pairs: dict[str, Pair]) -> Pair:
    names = {"not_": "not"}
    return Pair(
        {name: each.python for name, each in pairs.items()},
        {names.get(name, name): each.file for name, each in pairs.items()},
    )


NODE = NUMERIC | JSON.filter(lambda value: not isinstance(value, dict)).map(pair)
BODIES = named(NODE, "$.temperature", "$.metadata.case") | JSON.map(
    lambda value: matcher("equals", words.equals, value)
)
TARGETS: dict[str, st.SearchStrategy[Pair]] = {
    "model": MATCHER,
    "input": MATCHER,
    "user": MATCHER,
    "transcript": MATCHER,
    "instructions": MATCHER,
    "stream": st.booleans().map(pair),
    "tools": TOOLS,
    "turn": NUMERIC,
    "hit": NUMERIC,
    "text_format": st.sampled_from(["text", "json_schema"]).map(pair),
    "headers": named(MATCHER, "x-case", "X-Other"),
    "metadata": named(MATCHER, "case", "True", "12", "a b"),
    "state": named(MATCHER, "step"),
    "body": BODIES,
}
SOME = st.fixed_dictionaries({}, optional=TARGETS).filter(lambda given: len(given) <= 4)
PURE = SOME.map(lambda given: {name: each for name, each in given.items() if name not in ("state", "hit")}).map(mapped)
WHEN = st.tuples(SOME, st.none() | st.lists(PURE, min_size=1, max_size=2), st.none() | PURE).map(
    lambda given: mapped(
        {
            **given[0],
            **({} if given[1] is None else {"any_of": Pair([e.python for e in given[1]], [e.file for e in given[1]])}),
            **({} if given[2] is None else {"not_": given[2]}),
        }
    )
)

# Replies

SECONDS = st.sampled_from([(0.3, "300ms"), (2, "2s"), (0.0255, "25.5ms"), (60, "1m")]).map(lambda each: Pair(*each))
SAID = TEXT | st.sampled_from(["You said {{ input }}", "{{ body.metadata }}", "{{{{ no"])
ARGUMENTS = st.dictionaries(TEXT, JSON | SAID, max_size=2)


def item(word: Callable[..., Any], lone: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    """Return items whose word takes its first field by position."""
    some = st.fixed_dictionaries({lone: fields.pop(lone)}, optional=fields)
    return some.map(
        lambda given: Pair(
            word(given[lone], **{key: each for key, each in given.items() if key != lone}), {word.__name__: given}
        )
    )


ITEM = st.one_of(
    SAID.map(lambda text: Pair(words.text(text), {"message": text})),
    SAID.map(lambda text: Pair(text, {"message": text})),
    item(words.refusal, "refusal", refusal=SAID, id=WORDS),
    item(words.message, "text", text=SAID, annotations=st.just(["https://example.org"])),
    item(words.reasoning, "summary", summary=SAID | st.lists(SAID, max_size=2), content=SAID),
    item(words.function_call, "name", name=WORDS, arguments=ARGUMENTS, call_id=WORDS),
    item(words.web_search_call, "query", query=SAID, sources=st.just(["https://example.org"])),
    item(words.code_interpreter_call, "code", code=SAID, logs=SAID),
)  # fmt: skip
ITEMS = st.lists(ITEM, min_size=1, max_size=3)
OUTPUT = ITEMS.map(lambda items: Pair(tuple(each.python for each in items), {"output": [each.file for each in items]}))
KIND = st.one_of(
    OUTPUT,
    SAID.map(lambda text: Pair((text,), {"text": text})),
    SAID.map(lambda text: Pair((words.refusal(text),), {"refusal": text})),
    JSON.map(lambda value: Pair((words.json_text(value),), {"json": value})),
    ARGUMENTS.map(lambda given: Pair((words.function_call("find", given),), {"call": {"find": given}})),
    st.just(Pair((words.auto(),), {"auto": True})),
)
FAULT = st.sampled_from(
    [
        Pair(words.reset(after={"deltas": 1}), {"reset": {"after": {"deltas": 1}}}),
        Pair(words.cut(before="response.completed"), {"cut": {"before": "completed"}}),
        Pair(words.delay(0.5), {"delay": "500ms"}),
        Pair(words.stall(1, after={"time": 0.1}), {"stall": {"time": "1s", "after": {"time": "100ms"}}}),
        pair("cut"),
    ]
)
TIMING = st.sampled_from(
    [
        Pair(words.Timing(first=0.3, every=0.025), {"first": "300ms", "every": "25ms"}),
        Pair(words.Timing(tokens_per_second=40, chunk="char", jitter=0.001), None),
        Pair(words.Timing(duration=2, chunk=3), {"duration": "2s", "chunk": 3}),
    ]
).map(
    lambda each: each if each.file else Pair(each.python, {"tokens_per_second": 40, "chunk": "char", "jitter": "1ms"})
)
MODIFIERS = st.fixed_dictionaries(
    {},
    optional={
        "timing": TIMING,
        "speed": st.sampled_from([0, 1, 2.5]).map(pair),
        "faults": st.lists(FAULT, min_size=1, max_size=2).map(
            lambda faults: Pair([each.python for each in faults], [each.file for each in faults])
        ),
        "usage": st.just(pair({"input_tokens": 7, "input_tokens_details": {"cached_tokens": 3}})),
        "response": st.just(pair({"service_tier": "flex", "metadata": {"a": "b"}})),
        "headers": st.just(pair({"x-served-by": "cache-1"})),
        "set_state": st.sampled_from([{"step": "rain"}, {"step": None}]).map(pair),
    },
)
ENDS = st.sampled_from(
    [
        {},
        {"failed": pair({"message": "The model broke.", "after": 1})},
        {"incomplete": pair("max_output_tokens")},
    ]
)


def reply_of(given: tuple[Pair, dict[str, Pair], dict[str, Pair]]) -> Pair:
    kind, modifiers, end = given
    beside = mapped({**modifiers, **end})
    return Pair(answer(*kind.python, **beside.python), {**kind.file, **beside.file})


WHOLE = st.one_of(
    SECONDS.map(
        lambda wait: Pair(
            words.error("rate_limit_exceeded", retry_after=wait.python),
            {"error": "rate_limit_exceeded", "retry_after": wait.file},
        )
    ),
    TEXT.map(
        lambda text: Pair(
            words.error(status=418, code=None, message=text), {"error": {"status": 418, "code": None, "message": text}}
        )
    ),
    JSON.map(lambda body: Pair(words.http(203, body), {"http": {"status": 203, "body": body}})),
    TEXT.map(
        lambda text: Pair(
            words.events("created", "in_progress", {"at": 0.12, "output_text.delta": text}, "completed"),
            {"events": ["created", "in_progress", {"at": "120ms", "output_text.delta": text}, "completed"]},
        )
    ),
    ITEMS.map(
        lambda items: Pair(
            words.failed(*(each.python for each in items), message="Gone."),
            {"output": [each.file for each in items], "failed": {"message": "Gone."}},
        )
    ),
    SAID.map(
        lambda text: Pair(
            words.incomplete(text, reason="content_filter"), {"text": text, "incomplete": "content_filter"}
        )
    ),
).map(lambda each: Pair(answer(each.python), each.file))
REPLY = st.tuples(KIND, MODIFIERS, ENDS).map(reply_of) | WHOLE


def rule_of(given: tuple[Pair, list[Pair], str, int]) -> Pair:
    when, replies, way, priority = given
    draft = Draft(conditions(**when.python), [each.python for each in replies], place="f:1", name="the rule")
    draft.priority = priority
    written = {"name": "the rule", "when": when.file, "priority": priority}
    if way == "turns":
        draft.turns = True
        return Pair(draft, {**written, "turns": [each.file for each in replies]})
    if len(replies) == 1:
        return Pair(draft, {**written, "reply": replies[0].file})
    draft.exhausted = "cycle"
    return Pair(draft, {**written, "replies": [each.file for each in replies], "exhausted": "cycle"})


RULE = st.tuples(
    WHEN, st.lists(REPLY, min_size=1, max_size=2), st.sampled_from(["replies", "turns"]), st.integers(-1, 1)
).map(rule_of)

# Requests

FIND = {"type": "function", "name": "find", "parameters": {"type": "object", "properties": {}}}
BODY = st.fixed_dictionaries(
    {"said": WORDS},
    optional={
        "model": st.sampled_from(["gpt-5", "rain", "no"]),
        "instructions": WORDS,
        "stream": st.booleans(),
        "temperature": st.sampled_from([0, 0.5, 1]),
        "metadata": st.dictionaries(st.sampled_from(["case", "True", "12", "a b"]), WORDS, max_size=2),
        "headers": st.fixed_dictionaries({"x-case": WORDS.filter(str.isascii)}),
        "tools": st.just([FIND]),
    },
)


def engine_of(*rules: Any) -> Engine:
    return Engine(RuleBook(rules), load_dialect("standard"), Options(exhausted="repeat"))


def told(answered: Answered) -> tuple[Any, ...]:
    exchange = answered.play.exchange
    miss = re.sub(r"(?s)fix: .*", "", exchange.miss)
    return answered.steps, exchange.status, exchange.kind, exchange.rule, exchange.planned, miss, exchange.notes


@settings(max_examples=100, deadline=None)
@given(RULE, st.lists(BODY, min_size=1, max_size=3))
def test_python_and_a_rule_file_say_the_same(rule: Pair, bodies: list[dict[str, Any]]) -> None:
    file = parse(json.dumps({"rules": [rule.file]}, ensure_ascii=False), "f")
    assert file.problems == ()
    python = rule.python.compile(0)
    assert python.priority == file.rules[0].priority
    one, other = engine_of(python), engine_of(*file.rules)
    for body in bodies:
        assert told(ask(one, **body)) == told(ask(other, **body))


@settings(max_examples=100, deadline=None)
@given(RULE, st.lists(BODY, min_size=1, max_size=3))
def test_a_dump_answers_like_the_rules_it_was_made_of(rule: Pair, bodies: list[dict[str, Any]]) -> None:
    written = dump([rule.python])
    file = parse(written, "f")
    assert file.problems == (), written
    [same] = file.rules
    one, other = engine_of(rule.python.compile(0)), engine_of(same)
    for body in bodies:
        first, second = ask(one, **body), ask(other, **body)
        kind = first.play.exchange.kind
        assert (kind, first.end) == (second.play.exchange.kind, second.end)
        if kind != "miss":  # which says where the rule stands
            assert (first.body, first.status) == (second.body, second.status)
