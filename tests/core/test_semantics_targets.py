"""What each target of a condition reads, and what absent and null mean, asked through the whole engine."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.core.asking import ask, engine

USER = {"role": "user", "content": "what is it like?"}
ASSISTANT = {"role": "assistant", "content": "Let me look."}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}


def call(name: str = "get_weather", call_id: str = "c1") -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}


def output(text: Any = "18", call_id: str = "c1") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def parts(*texts: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "input_text", "text": text} for text in texts]}


IMAGE = {
    "role": "user",
    "content": [{"type": "input_image", "image_url": "data:image/png;base64,aa", "detail": "auto"}],
}
WEATHER = {"type": "function", "name": "get_weather", "parameters": {}, "strict": False}
MCP = {"type": "mcp", "server_label": "docs", "server_url": "https://example.com"}
SEARCH = {"type": "web_search"}
SCHEMA = {"type": "json_schema", "name": "person", "schema": {"type": "object"}}

HOLDS: list[tuple[str, dict[str, Any]]] = [
    # input: the last user message in the tail
    ("input: what is it like?", {"said": [USER]}),
    ("input: hi", {"said": "hi"}),
    ('input: "a\\nb"', {"said": [parts("a", "b")]}),
    ("input: b", {"said": [parts("a"), parts("b")]}),
    ("input: {exists: false}", {"said": [USER, call(), output()]}),
    ("input: {exists: false}", {"said": [USER, ASSISTANT]}),
    ("input: {not: {contains: x}}", {"said": [USER, call(), output()]}),
    ("input: what is it like?", {"said": [ASSISTANT, USER]}),
    ("input: what is it like?", {"said": [call(), output(), USER]}),
    ("input: what is it like?", {"said": [USER, {"role": "developer", "content": "be brief"}]}),
    ('input: ""', {"said": [IMAGE]}),
    # user: the newest user message wherever it stands
    ("user: what is it like?", {"said": [USER, call(), output()]}),
    ("user: what is it like?", {"said": [USER, ASSISTANT, REASONING]}),
    ("user: {exists: false}", {"said": [ASSISTANT]}),
    # tail: what ends it
    *[
        ("input: {exists: false}", {"said": [USER, item]})
        for item in (
            ASSISTANT,
            REASONING,
            call(),
            {"type": "custom_tool_call", "call_id": "c", "name": "n", "input": ""},
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            },
            {"type": "item_reference", "id": "msg_1"},
            {"type": "compaction", "encrypted_content": "x"},
            {"type": "mcp_list_tools", "id": "m", "server_label": "s", "tools": []},
            {"type": "mcp_approval_request", "id": "m", "server_label": "s", "name": "n", "arguments": "{}"},
        )
    ],
    (
        "input: what is it like?",
        {"said": [USER, {"type": "mcp_approval_response", "approval_request_id": "m", "approve": True}]},
    ),
    # tool_output: one output in the tail that meets all fields
    ("tool_output: {name: get_weather}", {"said": [USER, call(), output()]}),
    ("tool_output: {call_id: c1, output: 18}", {"said": [USER, call(), output("18")]}),
    (
        "tool_output: {output: {contains: b}}",
        {"said": [call(), output([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}])]},
    ),
    ("tool_output: {data: {$.t: {gt: 30}}}", {"said": [call(), output('{"t": 31}')]}),
    ("tool_output: {data: {'$.days[*].t': 3}}", {"said": [call(), output('{"days": [{"t": 1}, {"t": 3}]}')]}),
    (
        "tool_output: {name: b, output: x}",
        {"said": [call("a", "c1"), call("b", "c2"), output("y", "c1"), output("x", "c2")]},
    ),
    (
        "tool_output: [{name: a}, {name: b}]",
        {"said": [call("a", "c1"), call("b", "c2"), output("y", "c1"), output("x", "c2")]},
    ),
    # transcript, turn
    ("transcript: {contains: [what is it, Let me, '18']}", {"said": [USER, ASSISTANT, call(), output()]}),
    ("turn: 1", {"said": [USER]}),
    ("turn: 2", {"said": [USER, REASONING, call(), output()]}),
    ("turn: {gte: 3}", {"said": [USER, call(), output(), call("b", "c2"), output("x", "c2")]}),
    ("turn: 2", {"said": [USER, call("a", "c1"), call("b", "c2"), output("x", "c1"), output("x", "c2")]}),
    # stream
    ("stream: false", {}),
    ("stream: false", {"stream": None}),
    ("stream: true", {"stream": True}),
    # tools, tool_choice, text_format
    ("tools: {include: get_weather}", {"tools": [SEARCH, WEATHER]}),
    ("tools: {include: [get_weather, docs, web_search]}", {"tools": [SEARCH, WEATHER, MCP]}),
    ("tools: {exists: false}", {}),
    ("tools: {exists: false}", {"tools": None}),
    ("tools: {length: 0}", {"tools": []}),
    ("tools: {not: {include: docs}}", {"tools": [SEARCH]}),
    ("tool_choice: auto", {}),
    ("tool_choice: auto", {"tool_choice": None}),
    ("tool_choice: required", {"tool_choice": "required", "tools": [WEATHER]}),
    ("tool_choice: get_weather", {"tool_choice": {"type": "function", "name": "get_weather"}, "tools": [WEATHER]}),
    ("tool_choice: web_search", {"tool_choice": {"type": "web_search"}, "tools": [SEARCH]}),
    ("text_format: text", {}),
    ("text_format: text", {"text": {"format": None}}),
    ("text_format: json_schema", {"text": {"format": SCHEMA}}),
    ("text_format: {type: json_schema, name: person}", {"text": {"format": SCHEMA}}),
    ("text_format: {in: [json_schema, json_object]}", {"text": {"format": {"type": "json_object"}}}),
    # fields, names
    ("instructions: {exists: false}", {"instructions": None}),
    ("instructions: {contains: brief}", {"instructions": "be brief"}),
    ("previous_response_id: resp_x", {"previous_response_id": "resp_x"}),
    ("conversation: conv_1", {"conversation": "conv_1"}),
    ("conversation: conv_1", {"conversation": {"id": "conv_1"}}),
    ("metadata: {a: b}", {"metadata": {"a": "b"}}),
    ("metadata: {a: {exists: false}}", {"metadata": {"b": "b"}}),
    ("metadata: {a: {exists: false}}", {"metadata": None}),
    ("headers: {X-Case: {glob: 're*'}}", {"headers": {"x-case": "retry"}}),
    ("headers: {x-case: {exists: false}}", {}),
    ("query: {v: '1'}", {"query": {"v": "1"}}),
    ("path: /v1/responses", {}),
    # body
    ("body: {$.temperature: 1}", {"temperature": 1.0}),
    ("body: {$.temperature: {gte: 0.5, lt: 1}}", {"temperature": 0.5}),
    ("body: {'$.tools[*].type': web_search}", {"tools": [WEATHER, SEARCH]}),
    ("body: {$.user: {exists: false}}", {}),
    ("body: {$.user: null}", {"user": None}),
    ("body: {$.user: {exists: true}}", {"user": None}),
    ("body: {$.store: true}", {"store": True}),
    ("body: {$.metadata: {equals: {}}}", {"metadata": {}}),
    ("body: {equals: {model: gpt-5, input: hi}}", {}),
    ("body: {equals: {model: gpt-5, input: hi, user: x}, ignore: $.user}", {"user": "y"}),
    ("body: {equals: {model: gpt-5, input: hi}, ignore: [$.metadata, '$.tools[*].strict']}", {"metadata": {"a": "b"}}),
    ("body: {equals: {model: gpt-5, input: 'on 2024-01-01'}, mask: date}", {"said": "on 2025-12-31"}),
    ("body: {equals: {model: gpt-5, input: 'at 10:00:00'}, mask: [date, time]}", {"said": "at 23:59:59"}),
    (
        "body: {equals: {model: gpt-5, input: 'id 123e4567-e89b-12d3-a456-426614174000'}, mask: uuid}",
        {"said": "id 00000000-e89b-12d3-a456-426614174000"},
    ),
    ("body: {equals: {model: gpt-5, input: 'run 17'}, mask: 'run \\d+'}", {"said": "run 4"}),
    # combinations
    ("any_of: [{model: x}, {input: hi}]", {}),
    ("all_of: [{model: gpt-5}, {input: hi}]", {}),
    ("not: {model: x}", {}),
    ("not: {metadata: {a: b}}", {}),
    # matchers on an absent value: only these hold
    ("instructions: {any_of: [{exists: false}, x]}", {}),
    ("instructions: {not: {matches: x}}", {}),
]

FAILS: list[tuple[str, dict[str, Any]]] = [
    ("input: {contains: like}", {"said": [USER, call(), output()]}),
    ("input: a", {"said": [parts("a", "b")]}),
    ("input: {matches: .*}", {"said": [USER, ASSISTANT]}),
    ("tool_output: {name: get_weather}", {"said": [USER, call(), output(), USER, ASSISTANT, USER]}),
    ("tool_output: {name: b, output: y}", {"said": [call("a", "c1"), call("b", "c2"), output("y", "c1"), output("x", "c2")]}),
    ("tool_output: [{name: a}, {name: c}]", {"said": [call("a", "c1"), call("b", "c2"), output("y", "c1"), output("x", "c2")]}),
    ("tool_output: {name: x}", {"said": [output("18", "unknown")]}),
    ("tool_output: {data: {$.t: 1}}", {"said": [call(), output("no JSON")]}),
    ("stream: true", {}),
    ("tools: {include: [get_weather, other]}", {"tools": [WEATHER]}),
    ("tools: {include: function}", {"tools": [WEATHER]}),
    ("tool_choice: function", {"tool_choice": {"type": "function", "name": "get_weather"}, "tools": [WEATHER]}),
    ("text_format: {name: {exists: true}}", {}),
    ("text_format: {type: json_schema, name: other}", {"text": {"format": SCHEMA}}),
    ("metadata: {a: B}", {"metadata": {"a": "b"}}),
    ("model: GPT-5", {}),
    ("model: {glob: gpt}", {}),
    ("body: {$.store: 1}", {"store": True}),
    ("body: {$.user: null}", {}),
    ("body: {$.temperature: '1'}", {"temperature": 1}),
    ("body: {$.model: {gt: 1}}", {}),
    ("body: {equals: {model: gpt-5, input: hi}}", {"user": None}),
    ("body: {equals: {model: gpt-5, input: 'on 2024-01-01'}, mask: date}", {"said": "on monday"}),
    *[
        (f"instructions: {matcher}", {})
        for matcher in (
            "x", "{contains: x}", "{glob: '*'}", "{matches: .*}", "{in: [x]}", "{exists: true}", "{length: {gte: 0}}",
            "{gt: 0}", "{schema: {}}", "{any_of: [x, {glob: '*'}]}", "{all_of: [{glob: '*'}]}",
        )
    ],
    ("metadata: {n: {gt: 5}}", {"metadata": {"n": "five"}}),
    ("not: {input: hi}", {}),
    ("any_of: [{model: x}, {input: y}]", {}),
]  # fmt: skip


def matched(when: str, request: dict[str, Any]) -> bool:
    asked = engine(f"rules: [{{when: {{{when}}}, reply: {{text: held}}}}]\notherwise: {{text: failed}}")
    answer = ask(asked, **{"said": "hi", **request})
    assert answer.status == 200, answer.body
    return b"held" in answer.body


@pytest.mark.parametrize(("when", "request_"), HOLDS, ids=[f"{index} {when}" for index, (when, _) in enumerate(HOLDS)])
def test_holds(when: str, request_: dict[str, Any]) -> None:
    assert matched(when, request_)


@pytest.mark.parametrize(("when", "request_"), FAILS, ids=[f"{index} {when}" for index, (when, _) in enumerate(FAILS)])
def test_fails(when: str, request_: dict[str, Any]) -> None:
    assert not matched(when, request_)


CHAIN = """
rules:
  - {when: {input: {contains: weather}}, reply: {call: {get_weather: {city: Paris}}}}
  - {when: {tool_output: {name: get_weather}, turn: 2, transcript: {contains: [weather, Paris is mild]}}, reply: {text: Mild.}}
  - {when: {turn: 3, user: Thanks., transcript: {contains: [weather, mild, Mild.]}}, reply: {text: Welcome.}}
otherwise: {text: "turn {{ turn }}"}
"""


def test_a_chain_of_stored_responses_is_one_conversation() -> None:
    """Turn, transcript and tool names resolve through `previous_response_id`; the conversation's id stays the same."""
    asked = engine(CHAIN)
    first = ask(asked, "How is the weather?").json
    [made] = first["output"]
    second = ask(asked, [output("Paris is mild", made["call_id"])], previous_response_id=first["id"])
    assert second.text == "Mild."
    third = ask(asked, "Thanks.", previous_response_id=second.json["id"], stream=True)
    final = third.events[-1]["response"]
    assert final["output"][0]["content"][0]["text"] == "Welcome."
    assert {first["conversation"]["id"], second.json["conversation"]["id"]} == {final["conversation"]["id"]}
    fourth = ask(asked, "More.", previous_response_id=final["id"])
    assert fourth.text == "turn 4"


def test_what_is_not_stored_resolves_to_nothing() -> None:
    """`store: false`, an unknown id and another session's id are all a fresh start."""
    asked = engine(CHAIN)
    unstored = ask(asked, "How is the weather?", store=False).json
    again = [output("Paris is mild", unstored["output"][0]["call_id"])]
    assert ask(asked, again, previous_response_id=unstored["id"]).text == "turn 1"
    assert ask(asked, "x", previous_response_id="resp_unknown").text == "turn 1"
    stored = ask(asked, "How is the weather?").json
    assert ask(asked, "x", previous_response_id=stored["id"], session="other").text == "turn 1"
    assert ask(asked, "x", previous_response_id=stored["id"]).text == "turn 2"


def test_a_failed_answer_can_be_continued_too_and_an_error_has_no_id() -> None:
    asked = engine(
        "rules: [{when: {turn: 1}, reply: {text: one two, failed: {after: 1}}}]\notherwise: {text: '{{ turn }}'}"
    )
    failed = ask(asked).json
    assert failed["status"] == "failed"
    assert ask(asked, previous_response_id=failed["id"]).text == "2"


def test_templates_look_up_what_the_conditions_saw() -> None:
    asked = engine("""
rules:
  - when: {input: {matches: "in (?P<city>\\\\w+) on (\\\\w+)"}, headers: {x-tenant: acme}}
    reply:
      text: >-
        {{ match.city }} {{ match[2] }} {{ headers.X-Tenant }} {{ metadata.k }} {{ body.tools[0].name }} {{ model }}
        {{ turn }} {{ hit }} {{{{ literal }}
  - when: {tool_output: {name: get_weather}}
    reply: {json: {whole: "{{ tool_output }}", t: "{{ tool_outputs.get_weather.t }}", user: "{{ user }}"}}
""")
    told = ask(asked, "in Rome on Monday", headers={"x-tenant": "acme"}, metadata={"k": "v"}, tools=[WEATHER])
    assert told.text == "Rome Monday acme v get_weather gpt-5 1 1 {{ literal }}"
    told = ask(asked, [USER, call(), output('{"t": 3.5}')])
    assert orjson.loads(told.text) == {"whole": '{"t": 3.5}', "t": 3.5, "user": "what is it like?"}
