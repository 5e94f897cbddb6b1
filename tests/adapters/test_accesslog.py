"""The access log: its lines, and that nothing a reader or client does can hurt."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from typing import Any

import pytest

from mockserver.adapters.accesslog import MOST_WAITING, AccessLog, as_json, as_text
from mockserver.core.messages import Ending, Exchange, Request, Violation

SECRET = {"authorization": "Bearer sk-secret"}


def exchange(path: str = "/v1/responses", **more: Any) -> Exchange:
    request = Request("POST", path, headers=SECRET, query={"key": "sk-secret"}, body=b'{"sk-secret": 1}')
    given: dict[str, Any] = {"status": 200, "kind": "stream", "rule": "ask", "place": "weather.mock.yaml:4"}
    return Exchange(request, 1_700_000_000.2341, **{**given, "events": 14, **more})


ENDING = Ending("complete", 708.6, 999)


def test_a_line_for_people() -> None:
    clock = time.strftime("%H:%M:%S", time.localtime(1_700_000_000))
    line = as_text(exchange(), ENDING)
    assert line == (
        f'{clock}.234 default POST /v1/responses 200 stream weather.mock.yaml:4 "ask" 14ev 709ms complete\n'
    )


@pytest.mark.parametrize(
    ("end", "sent", "told"), [("reset", 5, "5/14ev"), ("complete", 0, "14ev"), ("cut", 14, "14ev")]
)
def test_an_early_end_tells_how_many_events_were_sent(end: Any, sent: int, told: str) -> None:
    line = as_text(exchange(), Ending(end, 1.0, 9, (1.0,) * sent))
    assert line.endswith(f' "ask" {told} 1ms {end}\n')


def test_a_rule_without_a_name_of_its_own_is_told_once() -> None:
    line = as_text(exchange(rule="a.mock.yaml:2", place="a.mock.yaml:2", events=0, kind="json"), ENDING)
    assert line.endswith(" default POST /v1/responses 200 json a.mock.yaml:2 709ms complete\n")


def test_a_miss_prints_its_block() -> None:
    line = as_text(
        exchange(status=404, kind="miss", rule="", place="", events=0, miss="No rule matches.\nNearest: x"), ENDING
    )
    assert line.splitlines()[1:] == ["  No rule matches.", "  Nearest: x"]


def test_violations_and_notes_stand_below() -> None:
    line = as_text(exchange(violations=(Violation("too long", "x", "input"),), notes=("absent",)), ENDING)
    assert line.splitlines()[1:] == ["  too long", "  note: absent"]
    line = as_text(exchange(kind="rejection", notes=("no key",)), ENDING)
    assert line.splitlines()[1:] == ["  no key"]


@pytest.mark.parametrize("render", [as_text, as_json])
def test_no_secret_and_no_control_character_gets_in(render: Any) -> None:
    line = render(exchange("/v1/\x1b[31m\nforged 200 line"), ENDING)
    assert "sk-secret" not in line
    assert line.count("\n") == 1
    assert "\x1b" not in line


def test_a_line_for_machines() -> None:
    entry = json.loads(as_json(exchange(), ENDING))
    assert (entry["status"], entry["rule"], entry["ended"], entry["duration_ms"]) == (200, "ask", "complete", 708.6)


def test_everything_is_written_by_the_time_it_is_closed() -> None:
    out = io.StringIO()
    log = AccessLog(out, pause=60)
    for number in range(250):
        log(exchange(f"/{number}"), ENDING)
    log.close()
    assert [line.split()[3] for line in out.getvalue().splitlines()] == [f"/{number}" for number in range(250)]


def test_lines_appear_without_closing() -> None:
    written = threading.Event()

    class Out(io.StringIO):
        def flush(self) -> None:
            written.set()

    log = AccessLog(Out(), pause=0.01)
    for _ in range(2):
        log(exchange(), ENDING)
        assert written.wait(2)
        written.clear()
    log.close()


def test_off_writes_nothing_and_starts_no_thread() -> None:
    out = io.StringIO()
    log = AccessLog(out, "off")
    log(exchange(), ENDING)
    log.close()
    assert out.getvalue() == ""


def test_a_reader_that_takes_nothing_never_holds_up_the_server() -> None:
    """A full pipe: calls return at once, what is too much is dropped and said, closing is patient but not for ever."""
    reading, writing = os.pipe()
    out = os.fdopen(writing, "w")
    log = AccessLog(out, pause=0)
    before = time.monotonic()
    for _ in range(MOST_WAITING + 3000):
        log(exchange(), ENDING)
    assert time.monotonic() - before < 2
    log.close(patience=0.05)
    with os.fdopen(reading) as source:
        text: list[str] = []
        reader = threading.Thread(target=lambda: text.extend(source))
        reader.start()
        assert log._thread is not None
        log._thread.join(5)
        out.close()
        reader.join(5)
    assert len(text) < MOST_WAITING + 3000
    assert any("were not logged" in line for line in text)


def test_a_reader_that_is_gone_ends_the_log_and_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    out = os.fdopen(writing, "w")
    log = AccessLog(out, pause=0)
    for _ in range(10):
        log(exchange(), ENDING)
    log.close()
    log(exchange(), ENDING)
    with pytest.raises(BrokenPipeError):
        out.close()
