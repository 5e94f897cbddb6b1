"""The JSON Schema of rule files accepts what the parser accepts, and refuses what is wrong in form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.core.catalogue import ERRORS
from mockserver.core.items.sketches import REPLY_KINDS
from mockserver.core.rulefiles import replyform, ruleform
from mockserver.core.rulefiles.modifiers import MODIFIERS
from mockserver.core.rulefiles.rulefile import FORM, parse
from mockserver.core.rulefiles.schema import schema
from mockserver.core.rulefiles.yamlsource import read
from mockserver.core.rules.targets import TARGETS
from mockserver.core.schemas.schema import Schema
from tests.core.test_rulefile import BAD, BAD_REPLIES, LOOSE, WHOLE

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "fixtures").rglob("*.mock.yaml"))
FAST = Schema(schema())

MEANING = [
    "rules:\n  - {name: x, reply: a}\n  - {name: x, reply: b}",
    'rules:\n  - {name: "a\\nb", reply: a}',
    "rules:\n  - reply: {text: a, timing: {first: 2s, duration: 1s}}",
    "rules:\n  - reply: {http: {status: 204, body: x}}",
    "rules:\n  - reply: {events: [created, in_progress]}",
    'rules:\n  - reply: {text: "It is {{ tool_otput }} now"}',
    'rules:\n  - reply: {call: {f: {city: "{{ inptu }}"}}}',
]
"""Bad files whose form is right: only the parser can tell."""

GOOD = [
    WHOLE,
    "otherwise: hi",
    "rules: []",
    "include: a",
    "limits: {tokens: 3}",
    "rules:\n  - {when: {}, reply: {auto: true}}",
    "rules:\n  - replies: [a, {text: b, times: 3}]\n    exhausted: miss",
    "rules:\n  - reply: {call: [{f: {}}, {f: '{}'}]}",
    "rules:\n  - reply: {error: {name: rate_limit_exceeded, message: slow}, retry_after: 0, timing: {first: 1 s}}",
    "rules:\n  - reply: {text: a, faults: {stall: {time: 1s, before: completed}}}",
    "rules:\n  - reply: {text: a, faults: [stall: 2s, reset: {after: {text: a}}, delay: {time: 5ms, after: {time: 1s}}]}",
    "rules:\n  - when: {stream: true}\n    reply: {events: [created, in_progress, {type: completed, at: 1s}], fill: true}",
    "rules:\n  - allow_invalid: true\n    reply: {events: [{type: vendor.event, data: '{'}, {at: 2ms, completed: {}}]}",
    "rules:\n  - when: {tool_output: [{name: f}], turn: {gte: 2}, body: {$.a: {exists: false}}}\n    reply: a",
    "rules:\n  - when: {any_of: [{model: a}, {not: {input: b}}], tools: {include: f}}\n    reply: a",
    "match: {ignore: $.user, mask: [date, 'b-\\d'], either_encoding: true}\nrules:\n"
    "  - {name: a 1, request: {method: GET, path: /v1/models, query: {a: '1'}}, reply: {http: {status: 200}}, exact: a.1.bin}\n"
    "  - {request: {body: {model: m}}, when: {headers: {x: y}}, reply: a, exhausted: cycle, recorded: {at: 2026-01-01}}",
]


def test_it_is_a_schema_that_editors_know() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    assert schema()["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_the_built_copy_is_fresh() -> None:
    """`make schemas` writes it anew."""
    built = (ROOT / "schemas" / "rule-file.json").read_text("utf-8")
    assert json.loads(built) == schema(), "run `make schemas`"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_file_holds(file: Path) -> None:
    text = file.read_text("utf-8")
    assert [str(problem) for problem in parse(text, file.name).problems] == []
    assert [(each.path, each.message) for each in FAST.violations(read(text).value)] == []


@pytest.mark.parametrize("text", GOOD)
def test_what_the_parser_accepts_is_accepted(text: str) -> None:
    assert [str(problem) for problem in parse(text, "f").problems] == []
    assert [(each.path, each.message) for each in FAST.violations(read(text).value)] == []


def test_two_libraries_judge_alike() -> None:
    slow = jsonschema.Draft7Validator(schema())
    for text in [*GOOD, *(text for text, _ in BAD), *(f"rules:\n  - reply: {reply}" for reply, _ in BAD_REPLIES)]:
        value = read(text).value
        assert slow.is_valid(value) == FAST.is_valid(value), text


@pytest.mark.parametrize(
    "text", [text for text, _ in BAD] + [f"rules:\n  - reply: {reply}" for reply, _ in BAD_REPLIES]
)
def test_what_is_wrong_in_form_is_refused(text: str) -> None:
    assert FAST.is_valid(read(text).value) == (text in MEANING)


def test_every_key_has_a_description_for_the_editor() -> None:
    document = schema()
    forms = [
        document,
        document["$defs"]["rule"],
        document["$defs"]["reply"]["then"],
        document["$defs"]["counted_reply"]["then"],
        document["$defs"]["error"],
        document["$defs"]["when"],
    ]
    for form in forms:
        for name, each in form["properties"].items():
            assert each.get("description") or each.get("$ref") == "#/$defs/error_name", name


def test_it_comes_from_the_tables() -> None:
    definitions = schema()["$defs"]
    assert set(schema()["properties"]) == set(FORM.keys)
    assert set(definitions["rule"]["properties"]) == set(ruleform.FORM.keys)
    assert set(definitions["reply"]["then"]["properties"]) == {*replyform.KINDS, *MODIFIERS, "fill"}
    assert {*REPLY_KINDS} < {*replyform.KINDS}
    assert set(definitions["when"]["properties"]) == set(TARGETS)
    assert definitions["error_name"]["enum"] == sorted(ERRORS)


def test_no_reference_leaves_the_document() -> None:
    document = schema()

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [each for child in node.values() for each in references(child)]
        return [each for child in node for each in references(child)] if isinstance(node, list) else []

    assert {each.removeprefix("#/$defs/") for each in references(document)} <= set(document["$defs"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([*replyform.KINDS]), st.sampled_from([*MODIFIERS]), st.sampled_from([*TARGETS]), LOOSE)
def test_nothing_the_parser_accepts_is_refused(kind: str, modifier: str, target: str, value: Any) -> None:
    documents: list[dict[str, Any]] = [
        {"rules": [{"reply": {kind: value}}]},
        {"rules": [{"reply": {"text": "a", modifier: value}}]},
        {"rules": [{"reply": {"error": "server_error", modifier: value}}]},
        {"rules": [{"when": {target: value}, "reply": "a"}]},
        {"rules": [{"when": {"stream": True}, "allow_invalid": True, "reply": {"events": [value]}}]},
        {"defaults": {modifier: value, "when": {target: value}}},
    ]
    for document in documents:
        if not parse(json.dumps(document), "f").problems:
            assert [(each.path, each.message) for each in FAST.violations(document)] == []


# Rule files that are right by construction

WORD = st.text("abcdefgh ", min_size=1, max_size=8).filter(lambda text: bool(text.strip()))
TEMPLATED = WORD | st.sampled_from(["{{ input }}", "at {{ turn }}", "{{{{", '{{ metadata["a b"] }}'])
TIMES = st.sampled_from([0, "25ms", "1.5s", "2m", " 3 ms"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEMPLATED,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(WORD, VALUES, max_size=2)
ITEMS = st.one_of(
    st.builds(lambda text: {"message": text}, TEMPLATED),
    st.builds(lambda text: {"reasoning": text}, TEMPLATED),
    st.builds(lambda name, given: {"function_call": {"name": name, "arguments": given}}, WORD, ARGUMENTS),
    st.builds(lambda text: {"type": "message", "content": text}, TEMPLATED),
)
TIMING = st.fixed_dictionaries(
    {}, optional={"first": TIMES, "jitter": TIMES, "chunk": st.sampled_from(["word", "char", "whole", 3])}
)
SHARED = {
    "timing": st.builds(
        lambda base, gap: {**base, **gap}, TIMING, st.sampled_from([{}, {"every": "20ms"}, {"tokens_per_second": 50}])
    ),
    "speed": st.sampled_from([0, 1, 2.5]),
    "headers": st.dictionaries(st.sampled_from(["x-a", "X-B"]), WORD | st.integers(0, 9), max_size=2),
    "faults": st.sampled_from(["cut", [{"reset": {"after": {"deltas": 3}}}], [{"delay": "5ms"}, "stall"]]),
    "set_state": st.dictionaries(WORD, WORD | st.none(), max_size=2),
}
ANSWER = {
    **SHARED,
    "usage": st.sampled_from([{}, {"input_tokens": 3}, {"input_tokens_details": {"cached_tokens": None}}]),
    "response": st.sampled_from([{}, {"service_tier": "flex"}]),
}
ENDED = {**ANSWER, "incomplete": st.sampled_from(["max_output_tokens", "content_filter"])}
REPLIES = st.one_of(
    TEMPLATED,
    st.fixed_dictionaries({"text": TEMPLATED}, optional=ENDED),
    st.fixed_dictionaries({"json": VALUES}, optional=ENDED),
    st.fixed_dictionaries({"refusal": TEMPLATED}, optional=ANSWER),
    st.fixed_dictionaries({"call": st.dictionaries(WORD, ARGUMENTS, min_size=1, max_size=2)}, optional=ANSWER),
    st.fixed_dictionaries({"output": st.lists(ITEMS, max_size=3)}, optional=ENDED),
    st.fixed_dictionaries({"auto": st.just(True)}, optional=ENDED),
    st.fixed_dictionaries({"error": st.sampled_from(sorted(ERRORS))}, optional={**SHARED, "retry_after": TIMES}),
    st.fixed_dictionaries(
        {"http": st.fixed_dictionaries({"status": st.sampled_from([200, 404, 503])}, optional={"body": VALUES})},
        optional={**SHARED, "retry_after": TIMES},
    ),
)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "model": WORD | st.builds(lambda word: {"glob": word}, WORD),
        "input": st.builds(lambda word: {"contains": word}, WORD),
        "headers": st.dictionaries(WORD, WORD, min_size=1, max_size=2),
        "stream": st.booleans(),
        "hit": st.integers(1, 3),
        "turn": st.builds(lambda least: {"gte": least}, st.integers(1, 3)),
    },
)
RULES = st.one_of(
    st.fixed_dictionaries({"reply": REPLIES}, optional={"when": CONDITIONS, "priority": st.integers(-3, 3)}),
    st.fixed_dictionaries(
        {"replies": st.lists(REPLIES, min_size=1, max_size=3)},
        optional={"exhausted": st.sampled_from(["miss", "cycle"])},
    ),
    st.fixed_dictionaries({"turns": st.lists(REPLIES, min_size=1, max_size=3)}, optional={"optional": st.booleans()}),
)
FILES = st.fixed_dictionaries(
    {"rules": st.lists(RULES, max_size=3)},
    optional={"otherwise": REPLIES, "defaults": st.fixed_dictionaries({}, optional={**ANSWER, "when": CONDITIONS})},
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FILES)
def test_a_file_that_is_right_by_construction_is_accepted_by_both(value: dict[str, Any]) -> None:
    file = parse(json.dumps(value), "f")
    assert [str(problem) for problem in file.problems] == []
    assert len(file.rules) == len(value["rules"])
    assert [(each.path, each.message) for each in FAST.violations(value)] == []
