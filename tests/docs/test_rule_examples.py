"""Every rule file in the documents is read without a problem, holds by the schema, and each of its rules answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import jsonschema
import pytest
import yaml

from mockserver.adapters.disk import load_dialect
from mockserver.core.engine import Engine
from mockserver.core.messages import Request
from mockserver.core.rulefiles import schema as rulefile_schema
from mockserver.core.rulefiles.rulefile import RuleFile, parse
from mockserver.core.rules.book import RuleBook
from tests.docs.pages import PAGES, Block, every, inline

EXAMPLES: Final = [block for block in every("yaml") if "openapi" not in yaml.safe_load(block.text)]
SCHEMA: Final = rulefile_schema.schema()

TOOL: Final = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}, "strict": False}
FITTING: Final[Mapping[str, Mapping[str, Any]]] = {
    "the weather, as a scripted tool loop": {"model": "gpt-5", "input": "the weather?", "tools": [TOOL]},
    "slowly": {"input": "a story"},
    "a stream that dies": {"input": "die", "stream": True},
    "a failure inside the stream": {"input": "fail"},
    "literal events": {"metadata": {"case": "literal"}, "stream": True},
    "a greeting": {"input": "hello"},
    "greet": {"input": "hello"},
    "weather": {"input": "the weather?"},
    "by what the user said, the tools and a header": {
        "model": "gpt-5-mini", "input": "weather in Paris", "tools": [TOOL], "headers": {"x-tenant": "acme"},
    },
    "by any node of the body": {"tools": [{"type": "web_search"}], "reasoning": {"effort": "high"}},
    "by what a tool gave back": {
        "input": [
            {"type": "function_call", "name": "get_weather", "call_id": "c", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": '{"degrees": 31}'},
        ]
    },
    "two rate limits, then fine": {"headers": {"x-case": "retry"}},
    "two failures, then fine": {"metadata": {"case": "retry"}},
    "an error of your own": {"model": "forbidden-model"},
    "another endpoint": {"method": "GET", "path": "/v1/files/file_1"},
    "state": {"input": "log in"},
    "one of each shorthand": {"input": "everything"},
    "as written": {"model": "literal", "stream": True},
    "a call, event by event": {"model": "by-hand", "stream": True},
}  # fmt: skip
"""What to ask for each named rule of an example: fields of the body, and `headers`, `method`, `path`."""

SNIPPETS: Final = {
    "reply": "rules: [{{{}}}]",
    "limits": "{{otherwise: {{text: x}}, {}}}",
    "auth": "{{otherwise: {{text: x}}, {}}}",
    "faults": "rules: [{{reply: {{text: x, {}}}}}]",
    "speed": "rules: [{{reply: {{text: x, {}}}}}]",
}
"""What stands around a piece of a rule file in inline code, by its key."""


def asked(name: str, rule: Mapping[str, Any]) -> Request:
    """Return a request that fits a rule: from the table by its name; a nameless one says the model or the input.

    Faults are asked for as streams: most of their places stand in no other answer.
    """
    if "request" in rule:
        rule, name = {"when": rule["request"]["body"]}, ""
    when = rule.get("when", {})
    fields = (
        dict(FITTING[name])
        if name in FITTING
        else {key: when[key] for key in ("model", "input", "stream") if key in when}
    )
    if "faults" in (rule.get("reply") or {}):
        fields["stream"] = True
    headers = {"content-type": "application/json", **fields.pop("headers", {})}
    method, path = fields.pop("method", "POST"), fields.pop("path", "/v1/responses")
    body = json.dumps({"model": "m", "input": "x", **fields}).encode() if method == "POST" else b""
    return Request(method, path, headers=headers, body=body)


def readable(text: str, place: str) -> RuleFile:
    file = parse(text, place)
    assert [str(problem) for problem in file.problems] == []
    jsonschema.validate(yaml.safe_load(text), SCHEMA)
    return file


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_an_example_is_read_and_each_rule_answers(block: Block) -> None:
    """Rule by rule: the request that fits it is answered by it, both ways where it does not say which, and validly."""
    file = readable(block.text, block.file or str(block))
    dialect = load_dialect("standard")
    written = yaml.safe_load(block.text).get("rules", [])
    for rule, source in zip(file.rules, written, strict=True):
        request = asked(rule.name, source)
        engine = Engine(RuleBook(file.rules), dialect)
        exchange = engine.answer(request, 0.0).exchange
        assert (exchange.rule, exchange.miss, exchange.notes) == (rule.name, "", ()), str(rule.label)
    if file.otherwise is not None:
        engine = Engine(RuleBook((), [file.otherwise]), dialect)
        assert engine.answer(asked("", {}), 0.0).exchange.status == 200


def test_the_table_of_requests_names_rules_that_are_there() -> None:
    names = {rule.get("name") for block in EXAMPLES for rule in yaml.safe_load(block.text).get("rules", [])}
    assert set(FITTING) - names == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pieces_of_rule_files_in_the_text_are_right(page: Any) -> None:
    for piece in inline(page):
        key, colon, rest = piece.partition(": ")
        if colon and key in SNIPPETS and not {"NAME", "KEY"} & set(rest.strip("{}[]").replace("]", " ").split()):
            readable(SNIPPETS[key].format(piece), f"{page.name}: {piece}")
