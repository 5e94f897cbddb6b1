"""Which format a file has, and that nothing that stands in one breaks a reader."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.recordings.imports import formats, handwritten
from mockserver.core.recordings.imports.taken import UnknownFormatError, UnreadableError
from mockserver.core.recordings.secrets.redactor import Redactor
from mockserver.core.recordings.writing.proof import prove
from mockserver.core.recordings.writing.written import compose
from mockserver.core.rulefiles.rulefile import parse

CASSETTE = {
    "interactions": [
        {
            "request": {
                "method": "POST",
                "uri": "https://api.openai.com/v1/responses",
                "body": {"string": "{}", "encoding": "UTF-8"},
                "headers": {"a": ["b"]},
            },
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {
                    "content-encoding": ["gzip"],
                    "content-type": ["application/json"],
                    "x-request-id": ["req_1"],
                },
                "body": {"base64_string": "e30="},
            },
            "recorded_at": "Tue, 01 Nov 2011 04:58:44 GMT",
        }
    ],
    "version": 1,
}
HAR = {
    "log": {
        "entries": [
            {
                "startedDateTime": "2026-11-22T12:00:00Z",
                "request": {
                    "method": "POST",
                    "url": "https://api.openai.com/v1/responses",
                    "headers": [{"name": "a", "value": "b"}],
                    "postData": {
                        "mimeType": "application/x-www-form-urlencoded",
                        "params": [{"name": "a", "value": "b"}],
                    },
                },
                "response": {
                    "status": 200,
                    "headers": [
                        {"name": "content-type", "value": "application/json"},
                        {"name": "x-request-id", "value": "r"},
                    ],
                    "content": {"size": 2, "text": "e30=", "encoding": "base64"},
                },
                "timings": {"wait": 1.5, "receive": 2},
            }
        ]
    }
}
FIXTURES = {
    "fixtures": [
        {
            "match": {"userMessage": "a", "systemMessage": ["b"], "turnIndex": 0, "model": "m", "hasToolResult": True},
            "response": {
                "content": "Hi",
                "reasoning": "hm",
                "toolCalls": [{"name": "f", "arguments": {"a": 1}, "id": "call_1"}],
                "usage": {"prompt_tokens": 1, "output_tokens_details": {"reasoning_tokens": 2}},
                "finishReason": "length",
                "id": "resp_1",
                "created": 1700000000,
            },
            "streamingProfile": {"ttft": 1, "tps": 2, "jitter": 0.5},
            "truncateAfterChunks": 2,
            "chaos": {"latencyMs": 3},
        },
        {
            "match": {"sequenceIndex": 0},
            "response": {"error": {"message": "no", "code": "x"}, "status": 429, "retryAfter": 1},
        },
        {
            "match": {},
            "response": {
                "blocks": [{"type": "text", "text": "a"}, {"type": "toolCall", "name": "f", "arguments": "{}"}]
            },
            "recordedTimings": {"ttftMs": 1, "interChunkDelaysMs": [1, 2]},
            "replaySpeed": 2,
            "latency": 3,
            "chunkSize": 4,
        },
    ]
}


@pytest.mark.parametrize(("value", "format_"), [(CASSETTE, "vcr"), (HAR, "har"), (FIXTURES, "aimock")])
def test_what_stands_in_a_file_tells_its_format(value: Any, format_: str) -> None:
    for text in (json.dumps(value), yaml.safe_dump(value)):
        assert formats.take(text.encode(), "misleading.txt").format == format_


@pytest.mark.parametrize("value", [{}, [], None, 1, "x", {"log": 1}, {"requests": []}, [{"request": {}}]])
def test_what_is_of_no_known_format(value: Any) -> None:
    with pytest.raises(UnknownFormatError, match="not a vcrpy cassette"):
        formats.take(json.dumps(value).encode() if value != {} else b"{}", "a")


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where everything in a document stands."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        yield (*path, key)
        yield from paths(each, (*path, key))


def changed(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    made = copy.deepcopy(value)
    here = made
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = by
    return made


PLACES = [(value, path) for value in (CASSETTE, HAR, FIXTURES) for path in paths(value)]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        [
            "**REDACTED**",
            "https://[",
            "https://h/v1/responses",
            "\n",
            "{{ x }}",
            "\ud800",
            "2026-13-45",
            [],
            {},
            [[]],
            [{}],
            {"a": 1},
        ]
    ),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


@settings(max_examples=200)
@given(st.sampled_from(PLACES), JUNK)
def test_junk_anywhere_is_left_out_or_refused_in_words(place: tuple[Any, tuple[Any, ...]], junk: Any) -> None:
    """Whatever stands anywhere, a reader takes it, leaves it out or refuses the file; and rules that it makes can be read."""
    try:
        taking = formats.take(json.dumps(changed(*place, junk)).encode(), "a.json")
    except UnreadableError:
        return
    assert all(left.why for left in taking.left_out)
    for taken in taking.taken:
        assert taken.capture.path.startswith("/v1/")
        cleaned = Redactor().clean(taken.capture).capture
        assert prove(compose(cleaned, stem="a", number=1), cleaned) == ""
    if taking.rules:
        problems = parse(handwritten.rule_file(taking.rules, "a.json", taking.notes), "a.mock.yaml").problems
        assert [problem for problem in problems if problem.severity == "error"] == []
