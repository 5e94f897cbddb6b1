"""How a verdict reads: reason first, enough to mend it, nothing secret, nothing endless."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mockserver.core.messages import Request
from mockserver.core.rules.book import RuleBook
from mockserver.testing.report import MOST_EXCHANGES, MOST_FINDINGS, python_rule, report
from mockserver.testing.verdict import Finding, Made, Verdict, judge
from tests.plugin.judging import World, rules

RULES = """
- name: weather
  when: {input: {contains: weather}, model: gpt-5}
  reply: {text: "18"}
- when: {input: rain, tools: {include: umbrella}}
  reply: {text: wet}
"""


def told(world: World, **verdict: Any) -> list[str]:
    return report(judge(world.session, **verdict)).splitlines()


def test_a_miss_in_full() -> None:
    """Reason, what was new, the nearest rule with each condition, the next, what to paste, how to allow it, exchanges."""
    world = World(f"rules:{RULES}")
    world.ask("the weather?")
    world.ask("what time is it?")
    assert told(world) == [
        "mockserver: no rule matches POST /v1/responses",
        "  new in request 2:",
        '    model: "gpt-5"',
        '    input: "what time is it?"',
        "    tools: nothing",
        '  nearest rule: tests/test_app.py:2 "weather"',
        '    FAIL  input.contains: expected "weather", found "what time is it?"',
        "    ok    model",
        '  next: tests/test_app.py:5: input: expected "rain", found "what time is it?"; and 1 more',
        "  if the app is right to ask this, add a rule to the test",
        '      mockserver.when(model="gpt-5", input=mockserver.contains("what time is it?")).reply("ok")',
        "  or to a rule file",
        '      - when: {model: gpt-5, input: {contains: "what time is it?"}}',
        "        reply: {text: ok}",
        '  to let it pass: @pytest.mark.mockserver(allow=["miss"])',
        "exchanges of this test:",
        '  1  POST /v1/responses 200 json tests/test_app.py:2 "weather" complete',
        "  2  POST /v1/responses 404 miss complete",
    ]


def test_json_is_told_as_a_difference() -> None:
    """Only the lines that differ and their neighbours."""
    world = World("rules: [{when: {body: {$.metadata: {equals: {a: x, b: y, c: z, d: w}}}}, reply: {text: a}}]")
    world.ask(metadata={"a": "x", "b": "q", "c": "z", "d": "w"})
    lines = told(world)
    at = next(index for index, line in enumerate(lines) if "FAIL" in line)
    assert lines[at : at + 5] == [
        "    FAIL  body.$.metadata.equals: differs (- expected, + found)",
        '             "a": "x",',
        '          -  "b": "y",',
        '          +  "b": "q",',
        '             "c": "z",',
    ]


@pytest.mark.parametrize("where", ["a miss", "an unused rule", "a difference"])
def test_no_secret_is_ever_shown(where: str) -> None:
    """Neither from headers, nor from text, nor from JSON that is compared."""
    key = "sk-abcdefghijklmnop1234"
    equal = "{equals: {password: other}}" if where == "a difference" else "{exists: true}"
    world = World(
        "rules: [{when: {headers: {authorization: Bearer x}, input: {contains: nothing}, "
        f"body: {{$.metadata: {equal}}}}}, reply: {{text: a}}}}]"
    )
    world.ask(f"my key is {key}", metadata={"password": "hunter2", "k": key})
    text = report(judge(world.session, Made(rules=world.rules if where == "an unused rule" else ())))
    assert "***" in text
    for secret in (key, "hunter2", "very-secret"):
        assert secret not in text


def test_long_values_and_many_findings_stay_short() -> None:
    """A body of megabytes and a loop of a hundred misses are told on two screens."""
    world = World(f"rules:{RULES}")
    for number in range(100):
        world.ask(f"{number} " + "long " * 50_000)
    lines = told(world)
    assert max(map(len, lines)) < 400
    assert len(lines) < MOST_FINDINGS * 20 + 100 + MOST_EXCHANGES
    assert f"  ({100 - MOST_EXCHANGES} earlier ones)" in lines


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding("broken", what="ValueError: x\nTraceback"), ["in mockserver itself: ValueError: x", "Traceback"]),
        (Finding("unfinished", place="t.py:3"), ["in the test: the when() at t.py:3 has no reply", ".reply("]),
        (Finding("unused", rule=rules("rules: [{reply: {text: a}}]", "t.py")[0]), ["in the test: t.py:1", "optional"]),
        (Finding("raised", what="t.py:3: f() raised KeyError: 'x'"), ["in the test: t.py:3: f() raised", "mend"]),
        (Finding("violation", what="Bad x."), ["in the app: it sent an invalid request: Bad x."]),
    ],
)
def test_whose_trouble_it_is_is_said_first(finding: Finding, words: list[str]) -> None:
    """The test author's, the app's, and ours are kept apart."""
    text = report(Verdict("s", (finding,), ()))
    first, _, rest = text.partition("\n")
    assert words[0] in first
    assert all(word in rest for word in words[1:])


@pytest.mark.parametrize("kind", ["raised", "violation", "untruth", "unfilled"])
def test_messages_are_one_line_cut_and_without_secrets(kind: Any) -> None:
    """They may quote what a client sent."""
    what = 'it said "sk-abcdefghijklmnop1234"\nand more ' + "x" * 5000
    first = report(Verdict("s", (Finding(kind, what=what, place="t.py:1"),), ())).splitlines()[0]
    assert 'it said "***" and more xxx' in first
    assert len(first) < 800


def test_several_findings_are_counted() -> None:
    world = World(f"rules:{RULES}")
    world.ask("a")
    world.ask(colour="red")
    heads = [line for line in told(world) if line.startswith("mockserver")]
    assert heads == [
        "mockserver (1 of 2): no rule matches POST /v1/responses",
        "mockserver (2 of 2): in the app: it sent an invalid request: Unknown parameter: 'colour'. "
        '(allow_params=["colour"] lets it through)',
    ]


def test_a_hidden_rule_is_told_what_hides_it() -> None:
    world = World("rules:\n- {reply: {text: a}}\n- {when: {input: hi}, reply: {text: b}}")
    world.ask("hi")
    assert "  request 1 fits it, but tests/test_app.py:2 answered that: it comes first" in told(
        world, made=Made(rules=world.rules[1:])
    )


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "/v1/responses", body=b'{"model": "gpt-5", "input": "say \\"hi\\" \\\\ to \\u2028 Bob"}'),
        Request("GET", "/v1/files/it's"),
        Request(
            "POST",
            "/v1/responses",
            body=b'{"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},'
            b' {"type": "function_call_output", "call_id": "c", "output": "x"}]}',
        ),
    ],
    ids=["text", "path", "tool output"],
)
def test_the_python_line_says_what_the_yaml_says(request_: Request) -> None:
    """Both hold for the request."""
    from mockserver.core.rules.misses import suggestion

    said: dict[str, Any] = {}

    class Fixture:
        def when(self, **conditions: Any) -> Fixture:
            said.update(conditions)
            return self

        def reply(self, answer: Any) -> None:
            said["reply"] = answer

        def contains(self, text: str) -> dict[str, str]:
            return {"contains": text}

        def http(self, status: int) -> dict[str, Any]:
            return {"status": status}

    eval(python_rule(request_), {"mockserver": Fixture()})
    [rule] = yaml.safe_load("\n".join(suggestion(request_)))["rules"]
    answer = said.pop("reply")
    assert said == rule["when"]
    assert rule["reply"] in ({"text": answer}, {"http": answer})
    assert list(RuleBook(rules("\n".join(suggestion(request_)))).candidates(request_))


def test_a_clean_session_lists_its_exchanges() -> None:
    world = World("rules: [{reply: {text: a}}]")
    assert told(world) == ["(no request came to the test's session)"]
    world.ask(stream=True, end=None)
    assert told(world) == ["exchanges of this test:", "  1  POST /v1/responses 200 stream tests/test_app.py:1 9ev open"]
