"""A capture written down: what the rule says, which bytes stand beside it, and how little changes from run to run."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import replace
from hashlib import blake2b

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.recordings.capture import Capture, End, Piece
from mockserver.core.recordings.editing import appended
from mockserver.core.recordings.writing.text import new_file
from mockserver.core.recordings.writing.written import compose
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.equality import digest
from tests.core.capturing import STREAM, captured, http, stream, written


def test_a_recording_reads_well() -> None:
    capture = captured(
        {
            "output": [
                {"reasoning": {"summary": "The user wants the weather.", "id": "rs_1"}},
                {
                    "function_call": {
                        "name": "get_weather",
                        "arguments": {"city": "Paris"},
                        "call_id": "call_1",
                        "id": "fc_1",
                    }
                },
            ],
            "usage": {"input_tokens": 20, "output_tokens": 12},
            "response": {"id": "resp_1", "model": "gpt-5-2025-08-07", "conversation": None},
            "headers": {"x-request-id": "req_1", "openai-processing-ms": "120", "openai-version": "2020-10-01"},
        },
        input="What is the weather in Paris?",
        tools=[
            {
                "type": "function",
                "name": "get_weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            }
        ],
        stream=True,
    )
    capture = replace(
        capture,
        headers=tuple(pair for pair in capture.headers if not pair[0].startswith("x-ratelimit")),
        request_headers={"user-agent": "OpenAI/Python 3.54.0", "authorization": "Bearer sk-1"},
    )
    made = written(capture)
    text = new_file(made.text)
    assert (
        text.replace(digest(made.entry["reply"]), "REPLY").replace(
            blake2b(made.exact, digest_size=16).hexdigest(), "EXACT"
        )
        == """\
# Recorded by mockserver: `request` is what was asked, `reply` what came back, `exact` the file with the very bytes.
# An edited `reply` is answered instead of these bytes, at the recorded pace.
rules:
  - name: a 1
    request:
      body:
        model: gpt-5
        input: What is the weather in Paris?
        tools:
          - type: function
            name: get_weather
            parameters:
              type: object
              properties:
                city: {type: string}
        stream: true
    reply:
      output:
        - reasoning: {summary: The user wants the weather., id: rs_1}
        - function_call: {name: get_weather, arguments: {city: Paris}, call_id: call_1, id: fc_1}
      usage: {input_tokens: 20, output_tokens: 12, output_tokens_details: {reasoning_tokens: 7}}
      response: {id: resp_1, model: gpt-5-2025-08-07}
      headers: {x-request-id: req_1, openai-processing-ms: '120', openai-version: '2020-10-01'}
    exact: a.1.sse
    recorded: {at: '2023-11-14T22:13:20Z', upstream: https://api.example.com/v1, model: gpt-5-2025-08-07, \
client: OpenAI/Python 3.54.0, first: 150.25ms, duration: 403ms, reply: 'REPLY', exact: 'EXACT'}
"""
    )
    assert "sk-1" not in text


def test_recording_the_same_again_changes_few_lines() -> None:
    def text(number: int) -> str:
        capture = captured(
            {
                "output": [
                    {"reasoning": {"id": f"rs_{number}"}},
                    {"message": {"text": "Hello\nyou", "id": f"msg_{number}"}},
                ]
            },
            stream=True,
            input="hi",
            tools=[
                {"type": "function", "name": f"f{n}", "parameters": {"type": "object", "properties": {}}}
                for n in range(5)
            ],
            seed_of_test=number if number < 0 else None,
        )
        return new_file(written(replace(capture, arrived=capture.arrived + number)).text)

    one, other = text(1).splitlines(), text(2).splitlines()
    changed = [line for line in difflib.ndiff(one, other) if line.startswith("+ ")]
    assert len(one) > 25
    assert len(changed) <= 5  # two ids, the response's id, what is noted


def test_a_body_that_came_in_pieces_is_one() -> None:
    capture = http(b"", pieces=(Piece(101, b'{"a":'), Piece(110, b" 1}")), ended_at=111.5)
    made = written(capture)
    assert (made.exact_name, made.exact) == ("a.1.json", b'{"a": 1}')
    assert made.entry["reply"] == {"http": {"status": 200, "body": {"a": 1}}}


def test_a_body_that_the_rule_gives_back_needs_no_exact_file() -> None:
    for capture in (http(b'{"a":1}'), http(b"fine", "text/plain; charset=utf-8"), http(b"", "", status=204)):
        made = written(capture)
        assert made.exact_name is None
        assert made.exact == b""
        assert "exact" not in made.entry
        assert "exact" not in made.entry["recorded"]
    assert written(replace(http(b'{"a":1}'), end="cut")).exact_name == "a.1.json"


def test_how_an_exchange_ended_is_noted() -> None:
    recorded = written(stream(b": hi\n\n", end="reset", why="connection reset\n by peer")).entry["recorded"]
    assert (recorded["end"], recorded["why"]) == ("reset", "connection reset by peer")
    ours = http(
        orjson.dumps({"error": {"message": "No way.", "type": "server_error", "code": None, "param": None}}), status=502
    )
    made = written(replace(ours, end="unreachable", why="connection refused"))
    assert made.entry["reply"] == {
        "error": {"status": 502, "type": "server_error", "code": None, "param": None, "message": "No way."}
    }


def test_offsets_that_mean_nothing_are_left_out() -> None:
    made = compose(replace(http(b"{}"), timed=False, head_at=0.0, arrived=0.0, upstream=""), stem="a", number=1)
    assert list(made.entry["recorded"]) == ["reply"]


def test_the_client_is_noted_by_what_it_says_of_itself() -> None:
    def client(**headers: str) -> object:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return compose(http(b"{}", request_headers=given), stem="a", number=1).entry["recorded"].get("client")

    assert client() is None
    assert client(user_agent="OpenAI/Python 3.54.0", x_stainless_package_version="3.54.0") == "OpenAI/Python 3.54.0"
    assert client(user_agent="app/1", x_stainless_package_version="3.54.0") == "app/1 3.54.0"
    assert client(x_stainless_lang="python", x_stainless_package_version="3.54.0") == "python 3.54.0"
    assert len(str(client(user_agent="a" * 500))) == 120


ENDS: tuple[End, ...] = ("complete", "partial", "cut", "reset", "timeout")
frames = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"data: [DONE]\n\n",
            b": c\n\n",
            b"id: 1\r\nretry: 5\r\ndata: a\r\ndata: b\r\n\r\n",
            b"data: x",
            b"event: \n\n",
            b"\xef\xbb\xbf",
        ]
    ),
    st.text(max_size=10).map(
        lambda text: b"data: " + orjson.dumps({"type": "response.output_text.delta", "delta": text}) + b"\n\n"
    ),
)


@st.composite
def captures(draw: st.DrawFn) -> Capture:
    """Anything that a server may send: odd streams, bodies, statuses, at any offsets and with any end."""
    offsets = sorted(draw(st.lists(st.integers(0, 10**7).map(lambda each: each / 1000), min_size=2, max_size=8)))
    pieces = tuple(Piece(at, draw(frames)) for at in offsets[1:-1])
    end = draw(st.sampled_from(ENDS))
    status = draw(st.sampled_from([200, 201, 400, 429, 500, 502]))
    kind = draw(st.sampled_from([STREAM, "application/json", "text/plain", "image/png", "text/event-stream"]))
    streamed = draw(st.booleans())
    return Capture(
        "POST",
        draw(st.sampled_from(["/v1/responses", "/v1/other"])),
        status,
        (("content-type", kind), ("x-request-id", "req_1")),
        pieces,
        request_body=orjson.dumps({"input": draw(st.text(max_size=10)), "stream": streamed}),
        head_at=offsets[0],
        ended_at=offsets[-1],
        end=end,
        why="so it was",
        arrived=1_700_000_000.0,
    )


@settings(max_examples=150, deadline=None)
@given(captures())
def test_whatever_came_is_replayed_byte_for_byte_at_its_offsets(capture: Capture) -> None:
    """`written` proves it: status, headers, bytes, offsets and ending, in an engine that read the text again."""
    written(capture)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 60_000), max_size=40), st.booleans())
def test_a_real_stream_is_replayed_however_the_network_cut_it(cuts: list[int], streamed: bool) -> None:
    capture = captured({"output": [{"reasoning": "Hm 😀."}, {"message": "one two"}]}, stream=streamed)
    body = capture.body
    places = sorted({0, len(body), *(cut % len(body) for cut in cuts)})
    parts = [body[start:end] for start, end in itertools.pairwise(places)]
    pieces = tuple(Piece(200.0 + number, part) for number, part in enumerate(parts))
    made = written(replace(capture, pieces=pieces, ended_at=pieces[-1].at + 0.5))
    assert made.entry["reply"]["output"][1]["message"]["text"] == "one two"


def test_several_recordings_stand_in_one_file() -> None:
    text = new_file(compose(http(b"{}"), stem="a", number=1).text)
    for number in (2, 3):
        text = appended(text, compose(http(b"[]"), stem="a", number=number).text)
    file = parse(text, "a.mock.yaml")
    assert file.problems == ()
    assert [rule.name for rule in file.rules] == ["a 1", "a 2", "a 3"]
