"""A recording answers with the bytes that came, at their offsets; an edited one with what it says, paced as it came."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.exactfile import encode
from mockserver.core.reply import Exact, Output
from mockserver.core.rulefiles.recordingform import exact_digest
from mockserver.core.rules.equality import digest
from mockserver.core.sse import decode
from mockserver.core.timeline import Chunk, Cut, Finish, Reset, Timing
from tests.core.recorded import ask, captures, engine, head, headers, read, sent, whole

BODY = {"model": "gpt-5", "input": "Hi", "stream": True}
RESPONSE = {
    "id": "resp_live",
    "object": "response",
    "status": "completed",
    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}],
}


def frame(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


STREAM = Capture(
    "POST",
    "/v1/responses",
    200,
    (("content-type", "text/event-stream"),),
    (
        Piece(100.5, frame("response.created", response={**RESPONSE, "status": "in_progress", "output": []})),
        Piece(200.25, frame("response.output_text.delta", delta="Hel")),
        Piece(200.25, b": still here\n\n"),
        Piece(300.125, frame("response.output_text.delta", delta="lo")),
        Piece(400.0, frame("response.completed", response=RESPONSE)),
        Piece(400.0, b"data: [DONE]\n\n"),
    ),
    head_at=99.875,
    ended_at=412.75,
)

RULE = """\
rules:
  - name: hi 1
    request: {body: {model: gpt-5, input: Hi, stream: true}}
    reply: {text: Hello, headers: {x-request-id: req_live, openai-processing-ms: '7', content-type: text/event-stream}}
    exact: hi.1.sse
"""
JSON_RULE = """\
rules:
  - name: hi 1
    request: {body: {model: gpt-5, input: Hi}}
    reply: {text: Hello}
    exact: hi.1.json
    recorded: {first: 120.5ms, duration: 709ms}
"""
WHOLE = orjson.dumps(RESPONSE)


@settings(max_examples=150, deadline=None)
@given(captures())
def test_the_same_bytes_come_at_the_same_offsets(capture: Capture) -> None:
    """Whatever frames they hold and wherever the network cut them."""
    name = "x.1.sse" if capture.is_stream else "x.1.chunks"
    text = (
        "rules: [{name: x, request: {body: {model: m, stream: true}}, "
        f"reply: {{http: {{status: 200}}}}, exact: {name}, recorded: {{end: {capture.end}}}}}]"
    )
    play = ask(engine(text, {name: encode(capture)}), {"model": "m", "stream": True})
    assert play.exchange.rule == "x"
    assert head(play.timeline).at == capture.head_at
    assert sent(play.timeline) == [(piece.at, piece.data) for piece in capture.pieces]
    last = play.timeline.steps[-1]
    assert last.at == capture.ended_at
    endings: dict[str, type] = {"complete": Finish, "reset": Reset}
    assert isinstance(last, endings.get(capture.end, Cut))
    if capture.is_stream:
        told = [each for each in decode(capture.body) if each.complete and each.data not in (None, "[DONE]")]
        assert play.exchange.events == len(told)
        assert sum(step.events for step in play.timeline.steps if isinstance(step, Chunk)) == len(told)


def test_what_was_recorded_of_the_headers_counts_before_ours() -> None:
    """Each name once; ours that say who answered are there too."""
    made = engine(RULE, {"hi.1.sse": encode(STREAM)})
    play = ask(made, BODY)
    found = headers(play.timeline)
    assert found["content-type"] == ["text/event-stream"]
    assert found["x-request-id"] == ["req_live"]
    assert found["openai-processing-ms"] == ["7"]
    assert found["x-mock-rule"] == ['r.mock.yaml:2 "hi 1"']
    assert "content-length" not in found
    assert play.exchange.kind == "stream"
    assert play.exchange.planned == (100.5, 200.25, 300.125, 400.0)


@pytest.mark.parametrize(("speed", "at"), [(1, 409.125), (2, 204.562), (0, 0.0)])
def test_speed_scales_every_offset(speed: float, at: float) -> None:
    """The bytes stay as they are."""
    pieces = (Piece(409.125, b"data: x\n\n"),)
    capture = Capture("POST", "/v1/responses", 200, STREAM.headers, pieces, head_at=409.125, ended_at=409.125)
    play = ask(engine(RULE, {"hi.1.sse": encode(capture)}, speed=speed), BODY)
    assert [step.at for step in play.timeline.steps] == [at] * 3
    assert whole(play.timeline) == b"data: x\n\n"


def test_a_whole_body_has_a_length_and_comes_when_it_came() -> None:
    """Head and body at the offsets that are noted."""
    play = ask(engine(JSON_RULE, {"hi.1.json": WHOLE}), {"model": "gpt-5", "input": "Hi"})
    assert [step.at for step in play.timeline.steps] == [120.5, 709.0, 709.0]
    assert whole(play.timeline) == WHOLE
    assert headers(play.timeline)["content-length"] == [str(len(WHOLE))]
    assert headers(play.timeline)["content-type"] == ["application/json"]
    assert play.exchange.kind == "json"


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        ("{error: {status: 429, code: slow_down, message: Slow down.}}", 429, "error"),
        ("{http: {status: 202, headers: {content-type: image/png}}}", 202, "http"),
    ],
)
def test_errors_and_other_answers_keep_their_status(reply: str, status: int, kind: str) -> None:
    """The readable reply says what it was; nothing of ours is added to its headers but what we always add."""
    text = JSON_RULE.replace("{text: Hello}", reply)
    play = ask(engine(text, {"hi.1.json": b"\x00\xff"}), {"model": "gpt-5", "input": "Hi"})
    assert (play.exchange.status, play.exchange.kind) == (status, kind)
    assert whole(play.timeline) == b"\x00\xff"
    assert headers(play.timeline)["content-type"] == ["image/png" if kind == "http" else "application/json"]
    assert "retry-after" not in headers(play.timeline)


def test_an_answer_without_a_body_claims_no_length() -> None:
    """204 has none."""
    text = JSON_RULE.replace("{text: Hello}", "{http: {status: 204}}").replace(".json", ".bin")
    play = ask(engine(text, {"hi.1.bin": b""}), {"model": "gpt-5", "input": "Hi"})
    assert [type(step).__name__ for step in play.timeline.steps] == ["Head", "Finish"]
    assert "content-length" not in headers(play.timeline)


@pytest.mark.parametrize("files", [{"hi.1.sse": encode(STREAM)}, {"hi.1.json": WHOLE}])
def test_what_was_answered_is_remembered(files: dict[str, bytes]) -> None:
    """A later request goes on from the id that the recorded answer gave."""
    streamed = "hi.1.sse" in files
    text = (RULE if streamed else JSON_RULE) + (
        "  - {name: later, when: {previous_response_id: resp_live, transcript: {contains: Hi}}, reply: {text: Later}}\n"
    )
    made = engine(text, files)
    ask(made, BODY if streamed else {"model": "gpt-5", "input": "Hi"})
    play = ask(made, {"model": "gpt-5", "input": "more", "previous_response_id": "resp_live"})
    assert play.exchange.rule == "later"


# --- edited replies -------------------------------------------------------------------------------------------------


def noted(text: str, reply: Any, content: bytes) -> str:
    return text + f"    recorded: {{reply: {digest(reply)!r}, exact: {exact_digest(content)!r}, end: complete}}\n"


def test_an_edited_reply_answers_paced_as_recorded() -> None:
    """First delta and end come when they came; a warning says so."""
    content = encode(STREAM)
    text = noted(RULE.replace("{text: Hello,", "{text: Hello,"), {"text": "something else"}, content)
    file = read(text, {"hi.1.sse": content})
    [problem] = file.problems
    assert (problem.severity, problem.line) == ("warning", 4)
    assert "edited after it was recorded: it answers instead of hi.1.sse" in problem.message
    [recording] = file.recordings
    assert recording.edited
    assert file.rules[0].replies[0][0].timing == Timing(first=200.25, duration=412.75)
    play = ask(engine(text, {"hi.1.sse": content}), BODY)
    assert b"Hello" in whole(play.timeline)
    assert play.timeline.steps[-1].at == 412.75


def test_an_unedited_reply_leaves_the_bytes_alone() -> None:
    """The digest is of the value: spelling it in another way changes nothing."""
    content = encode(STREAM)
    reply = {
        "headers": {"content-type": "text/event-stream", "openai-processing-ms": "7", "x-request-id": "req_live"},
        "text": "Hello",
    }
    file = read(noted(RULE, reply, content), {"hi.1.sse": content})
    assert file.problems == ()
    assert isinstance(file.rules[0].replies[0][0].kind, Exact)


def test_an_edited_reply_may_have_a_pace_of_its_own() -> None:
    """Its own timing wins."""
    content = encode(STREAM)
    text = noted(RULE.replace("{text: Hello,", "{text: Hello, timing: {first: 5ms},"), {"text": "?"}, content)
    assert read(text, {"hi.1.sse": content}).rules[0].replies[0][0].timing == Timing(first=5.0)


def test_nothing_in_a_recording_is_a_template() -> None:
    """Braces are text, where the readable reply answers too."""
    text = "rules: [{request: {body: {model: m}}, reply: {text: 'say {{ input }} and {{ nonsense }}'}}]"
    assert read(text).problems == ()
    assert b"say {{ input }} and {{ nonsense }}" in whole(ask(engine(text), {"model": "m"}).timeline)


def test_without_a_reader_of_files_the_readable_reply_answers() -> None:
    """An editor, or a session that is sent rules, has no files beside them."""
    from mockserver.core.rulefiles.rulefile import parse

    file = parse(RULE, "r.mock.yaml")
    assert file.problems == ()
    assert isinstance(file.rules[0].replies[0][0].kind, Output)


# --- the other encoding ---------------------------------------------------------------------------------------------

EITHER = "match: {either_encoding: true}\n"


def test_a_recorded_stream_also_answers_as_json() -> None:
    """Its last event holds the whole response."""
    made = engine(EITHER + RULE, {"hi.1.sse": encode(STREAM)})
    play = ask(made, {"model": "gpt-5", "input": "Hi"})
    assert orjson.loads(whole(play.timeline)) == RESPONSE
    assert headers(play.timeline)["content-type"] == ["application/json"]
    assert headers(play.timeline)["x-request-id"] == ["req_live"]
    assert play.timeline.steps[-1].at == 412.75
    assert (play.exchange.kind, play.exchange.events) == ("json", 0)


def test_recorded_json_also_answers_as_a_stream() -> None:
    """It is composed from the readable reply, and ends when the recorded answer did."""
    play = ask(
        engine(EITHER + JSON_RULE, {"hi.1.json": WHOLE}), {**BODY, "stream_options": {"include_obfuscation": False}}
    )
    frames = decode(whole(play.timeline))
    assert frames[0].event == "response.created"
    assert frames[-1].event == "response.completed"
    assert headers(play.timeline)["content-type"] == ["text/event-stream; charset=utf-8"]
    assert play.timeline.steps[-1].at == 709.0


def test_a_stream_that_broke_off_answers_in_its_own_encoding_alone() -> None:
    """It has no last event: nobody knows what the whole answer would have been."""
    content = encode(
        Capture("POST", "/v1/responses", 200, STREAM.headers, STREAM.pieces[:2], ended_at=500.0, end="cut")
    )
    made = engine(EITHER + RULE, {"hi.1.sse": content})
    assert ask(made, {"model": "gpt-5", "input": "Hi"}).exchange.kind == "miss"
    assert ask(made, BODY).exchange.kind == "stream"


def test_the_encoding_counts_unless_either_will_do() -> None:
    """A recorded stream does not answer a request for JSON, however much is ignored."""
    text = "match: {ignore: [$.stream]}\n" + RULE
    made = engine(text, {"hi.1.sse": encode(STREAM)})
    assert ask(made, {"model": "gpt-5", "input": "Hi"}).exchange.kind == "miss"
    assert ask(made, BODY).exchange.kind == "stream"


def test_json_that_came_for_a_stream_is_played_as_it_came() -> None:
    """What the upstream answered is what is answered: the bytes decide, not the flag."""
    text = JSON_RULE.replace("input: Hi", "input: Hi, stream: true")
    play = ask(engine(text, {"hi.1.json": WHOLE}), BODY)
    assert whole(play.timeline) == WHOLE


# --- files that are not as they should be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "files", "message"),
    [
        ("", {}, "exact file missing: there is no hi.1.sse beside this file (restore it, or remove `exact`)"),
        (
            "    recorded: {exact: 00ff}\n",
            {"hi.1.sse": b"x"},
            "the exact file hi.1.sse is not what was recorded: its digest is b8a4bd5f2ae2f3a2a8eb0b2ff8a9cbd9, noted is 00ff"
            " (changed by an editor or by git line-end conversion: restore it, or remove `exact`)",
        ),
        (
            "",
            {"hi.1.sse": b"mockserver exact 1\nhead 1\n"},
            "the exact file hi.1.sse is damaged: line 3: the file ends where `end OFFSET` was expected"
            " (restore it, or remove `exact`)",
        ),
    ],
)
def test_an_exact_file_that_cannot_be_used_is_a_mistake(change: str, files: dict[str, bytes], message: str) -> None:
    """What is wrong, where, and what to do."""
    if "noted" in message:
        message = message.replace("b8a4bd5f2ae2f3a2a8eb0b2ff8a9cbd9", exact_digest(b"x"))
    [problem] = read(RULE + change, files).problems
    assert str(problem) == f"r.mock.yaml:5:5: rules[0].exact: {message}"
    assert problem.severity == "error"


@pytest.mark.parametrize(
    "name", ["../x.sse", "/x.sse", "a/../../x.sse", "c:\\x.sse", "a\\b.sse", "x.yaml", "x", ".hidden.sse", "c:x.sse", 7]
)
def test_an_exact_file_stands_in_the_folder_of_its_rule_file(name: str) -> None:
    """Nothing else is ever asked for."""
    asked: list[str] = []

    def beside(name: str) -> bytes:
        asked.append(name)
        return b""

    from mockserver.core.rulefiles.rulefile import parse

    text = orjson.dumps({"rules": [{"request": {}, "reply": "x", "exact": name}]}).decode()
    [problem] = parse(text, "r.mock.yaml", beside).problems
    assert "expected a file in this folder that ends in .sse, .chunks, .json, .txt, .bin" in problem.message
    assert asked == []
