"""`mockserver explain` and `mockserver render`: one request without a server."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mockserver.core.sse import decode
from tests.doors.processes import run
from tests.live import serving

RULES = """
rules:
  - name: rain
    when: {model: gpt-5, input: {contains: rain}}
    reply: {text: It rains., timing: {first: 300ms, every: 25ms}}
  - name: call
    when: {input: {contains: call}}
    reply: {call: {get_weather: {city: Paris}}}
  - name: fail
    when: {input: {contains: fail}}
    reply: {text: half an answer, failed: {code: server_error, message: The model broke., after: 2}, usage: {output_tokens: 99}}
  - name: reason
    when: {input: {contains: reason}}
    reply: {output: [{reasoning: Thinking.}, {refusal: No.}, {web_search_call: {query: x}}]}
  - name: odd
    when: {input: {contains: odd}}
    allow_invalid: true
    reply: {events: [created, {type: response.completed, data: {type: response.completed, x: 1}}]}
  - name: die
    when: {input: {contains: die}}
    reply: {text: one two three four, faults: [{reset: {after: {deltas: 2}}}]}
  - name: busy
    when: {input: {contains: busy}}
    reply: {error: slow_down}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mock.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def body(folder: Path, text: str, **fields: Any) -> str:
    path = folder / "body.json"
    path.write_text(json.dumps({"model": "gpt-5", "input": text, **fields}), encoding="utf-8")
    return str(path)


def events(stream: str) -> list[tuple[str, Any]]:
    """The event types and data of a stream."""
    return [(frame.event, json.loads(frame.data or "")) for frame in decode(stream.encode())]


def test_explain_goes_rule_by_rule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "a.mock.yaml", "--body", body(folder, "please call")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[:5]
        == [
            'FAIL a.mock.yaml:3 "rain"',
            "  ok    model",
            '  FAIL  input.contains: expected "rain", found "please call"',
            'ok   a.mock.yaml:6 "call"  <- answers',
            "  ok    input.contains",
        ]
        or lines[4] == "  ok    input"
    )
    assert lines[-1] == 'answered by a.mock.yaml:6 "call"'


def test_explain_a_miss(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "a.mock.yaml", "--body", body(folder, "sun")) == 1
    told = capsys.readouterr().out
    assert told.count("FAIL a.mock.yaml:") == 7
    assert told.endswith("no rule answers this request\n")


def test_explain_says_what_would_be_refused_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = body(folder, "rain", temperatur=1)
    assert run("explain", "a.mock.yaml", "--body", path) == 1
    told = capsys.readouterr().out
    assert told.startswith("refused before any rule: 400 Unknown parameter: 'temperatur'")
    assert told.endswith('refused; a valid request would be answered by a.mock.yaml:3 "rain"\n')
    assert run("explain", "a.mock.yaml", "--body", path, "--validate", "warn") == 0
    told = capsys.readouterr().out
    assert told.startswith("reported: Unknown parameter: 'temperatur'")
    assert told.endswith('\nanswered by a.mock.yaml:3 "rain"\n')


def test_explain_reads_stdin_and_sends_headers(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "h.mock.yaml").write_text("rules: [{when: {headers: {x-case: a}}, reply: {text: hi}}]", encoding="utf-8")
    stdin = io.TextIOWrapper(io.BytesIO(b'{"model": "m", "input": "x"}'))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("explain", "h.mock.yaml", "--body", "-", "-H", "X-Case: a") == 0
    assert "<- answers" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["rain", "call", "fail", "reason"])
def test_render_sse_is_what_a_server_sends(folder: Path, text: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The same bytes as over a socket, for the same clock and seed."""
    import http.client
    from urllib.parse import urlsplit

    path = body(folder, text, stream=True)
    assert run("render", "a.mock.yaml", "--body", path, "--as", "sse", "--now", "1700000000", "--speed", "0") == 0
    rendered = capfdbinary.readouterr().out
    with serving(folder / "a.mock.yaml", now=1700000000.0, speed=0.0) as live:
        connection = http.client.HTTPConnection(urlsplit(live.url).netloc)
        sent = Path(path).read_bytes()
        connection.request("POST", "/v1/responses", sent, {"content-type": "application/json"})
        assert connection.getresponse().read() == rendered
        connection.close()


@pytest.mark.parametrize("text", ["rain", "call", "fail", "reason", "odd", "die"])
def test_rendered_events_give_the_same_stream(folder: Path, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`--as events` is a rule file without mistakes; rendering that gives the same events."""
    path = body(folder, text, stream=True)
    now = ("--now", "1700000000")
    assert run("render", "a.mock.yaml", "--body", path, "--as", "sse", *now) == 0
    before = events(capfd.readouterr().out)
    assert run("render", "a.mock.yaml", "--body", path, "--as", "events", *now) == 0
    (folder / "b.mock.yaml").write_text(capfd.readouterr().out, encoding="utf-8")
    assert run("check", "b.mock.yaml") == 0, capfd.readouterr().out
    capfd.readouterr()
    assert run("render", "b.mock.yaml", "--body", path, "--as", "sse", *now) == 0
    assert events(capfd.readouterr().out) == before


def test_rendered_events_are_short(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Ids, indexes and snapshots are left to be filled in."""
    assert run("render", "a.mock.yaml", "--body", body(folder, "rain"), "--as", "events") == 0
    assert capfd.readouterr().out.splitlines() == [
        "rules:",
        "  - when: {model: gpt-5, input: {contains: rain}}",
        "    reply:",
        "      events:",
        "        - created",
        "        - in_progress",
        "        - {at: 300ms, output_item.added: {}}",
        "        - {at: 300ms, content_part.added: {}}",
        '        - {at: 300ms, output_text.delta: "It"}',
        '        - {at: 325ms, output_text.delta: " rains."}',
        '        - {at: 325ms, output_text.done: "It rains."}',
        "        - {at: 325ms, content_part.done: {}}",
        "        - {at: 325ms, output_item.done: {}}",
        "        - {at: 325ms, completed: {}}",
    ]


def test_render_json_whatever_stream_says(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("render", "a.mock.yaml", "--body", body(folder, "rain", stream=True), "--as", "json") == 0
    assert json.loads(capfd.readouterr().out)["output"][0]["content"][0]["text"] == "It rains."


def test_rendered_events_end_with_their_fault(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A stream that breaks off is a stream only, and the rule breaks it off at the same event."""
    path = body(folder, "die")
    assert run("render", "a.mock.yaml", "--body", path, "--as", "events") == 0
    told = capfd.readouterr().out.splitlines()
    assert told[1] == "  - when: {model: gpt-5, input: {contains: die}, stream: true}"
    assert told[-2:] == ['        - {output_text.delta: " two"}', "      faults: [{reset: {after: {events: 6}}}]"]


def test_render_an_error_as_json(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What a rule gives is its answer, whatever the status; what no rule gives is not."""
    assert run("render", "a.mock.yaml", "--body", body(folder, "busy"), "--as", "json") == 0
    told = capfd.readouterr()
    assert json.loads(told.out)["error"]["code"] == "slow_down"
    assert told.err == "mockserver: the answer has status 503\n"
    assert run("render", "a.mock.yaml", "--body", body(folder, "busy", temperatur=1), "--as", "json") == 1


def test_render_an_error_or_a_miss(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("render", "a.mock.yaml", "--body", body(folder, "busy"), "--as", "sse") == 1
    told = capfd.readouterr()
    assert json.loads(told.out)["error"]["code"] == "slow_down"
    assert "status 503" in told.err
    assert run("render", "a.mock.yaml", "--body", body(folder, "sun"), "--as", "json") == 1
    told = capfd.readouterr()
    assert told.out == ""
    assert "nearest:" in told.err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("explain", "a.mock.yaml", "--body", "nowhere.json"), 3, "cannot read nowhere.json"),
        (("explain", "nowhere.mock.yaml", "--body", "body.json"), 2, "nowhere.mock.yaml"),
        (("explain", "a.mock.yaml"), 2, "--body"),
        (("explain", "a.mock.yaml", "--body", "body.json", "-H", "nocolon"), 2, "NAME:VALUE"),
        (("render", "a.mock.yaml", "--body", "body.json", "--as", "yaml"), 2, "events"),
    ],
)
def test_wrong_use(
    folder: Path, args: tuple[str, ...], code: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    body(folder, "rain")
    assert run(*args) == code
    assert words in capfd.readouterr().err
