"""The control application: who may ask, and what it tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mockserver.adapters import disk
from mockserver.adapters.asgi import App
from mockserver.adapters.clock import SystemClock
from mockserver.adapters.control import control, is_loopback
from mockserver.adapters.control.guards import objection
from mockserver.adapters.control.journal import masked, read_cursor
from mockserver.adapters.server import Server, bind
from mockserver.core.engine import Engine
from tests.adapters.doubles import Peer, call
from tests.adapters.test_disk import write


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server that answers `hello` and misses everything else."""
    write(tmp_path, a="rules:\n  - {name: hello, when: {input: hello}, reply: {text: hi}}\n")
    rules = disk.load_rules([tmp_path])
    engine = Engine(rules.book, disk.load_dialect("standard"))
    with Server(App(engine, SystemClock(), control=control(engine)), bind(), grace=0.1) as server:
        yield server.url


def ask(url: str, text: str = "hello", prefix: str = "", **more: Any) -> int:
    body = json.dumps({"model": "m", "input": text, **more}).encode()
    return call(url, path=f"{prefix}/v1/responses", body=body, authorization="Bearer sk-secret")[0]


def told(url: str, query: str = "", prefix: str = "") -> Any:
    status, _, body = call(url, "GET", f"{prefix}/_mock/requests{query}", None)
    assert status == 200, body
    return json.loads(body)


def test_health(url: str) -> None:
    status, _, body = call(url, "GET", "/_mock/health", None)
    assert status == 200
    assert json.loads(body)["status"] == "ok"


def test_the_journal_tells_all_of_an_exchange_but_its_secrets(url: str) -> None:
    assert ask(url, stream=True) == 200
    (entry,) = told(url)["requests"]
    assert (entry["number"], entry["session"], entry["method"], entry["path"]) == (
        1,
        "default",
        "POST",
        "/v1/responses",
    )
    assert entry["body"] == {"model": "m", "input": "hello", "stream": True}
    assert (entry["status"], entry["kind"], entry["rule"]) == (200, "stream", "hello")
    assert entry["place"].endswith("a.mock.yaml:2")
    assert entry["events"] == len(entry["planned_ms"]) == len(entry["sent_ms"]) > 5
    times = [*entry["planned_ms"], *entry["sent_ms"], entry["duration_ms"]]
    assert [len(str(each).partition(".")[2]) <= 3 for each in times] == [True] * len(times)
    assert entry["ended"] == "complete"
    assert entry["headers"]["authorization"] == "Bearer ***"
    assert "sk-secret" not in json.dumps(entry)


def test_a_body_that_is_no_json_is_told_as_text(url: str) -> None:
    call(url, body=b"{nope")
    (entry,) = told(url)["requests"]
    assert entry["body"] == "{nope"
    assert entry["status"] == 400


def test_an_error_of_ours_is_told_in_the_providers_shape(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.adapters.control.journal.render", lambda *_: 1 / 0)
    status, headers, body = call(url, "GET", "/_mock/requests", None)
    assert (status, headers["content-type"]) == (500, "application/json")
    assert json.loads(body)["error"]["type"] == "server_error"


def test_misses_can_be_asked_for_alone(url: str) -> None:
    ask(url)
    assert ask(url, "unheard of") == 404
    (entry,) = told(url, "?misses=1")["requests"]
    assert entry["kind"] == "miss"
    assert "hello" in entry["miss"]
    assert len(told(url, "?misses=0")["requests"]) == 2


def test_sessions_are_told_together_or_one_by_one(url: str) -> None:
    for prefix in ("", "/s/blue", "/s/blue", "/s/green"):
        ask(url, prefix=prefix)
    assert [entry["session"] for entry in told(url)["requests"]] == ["default", "blue", "blue", "green"]
    assert [entry["number"] for entry in told(url, "?session=blue")["requests"]] == [1, 2]
    assert [entry["session"] for entry in told(url, prefix="/s/green")["requests"]] == ["green"]
    assert told(url, "?session=unknown")["requests"] == []


def test_next_goes_on_where_the_last_answer_ended(url: str) -> None:
    """Over all sessions at once, although each counts from 1."""
    ask(url)
    ask(url)
    page = told(url)
    ask(url, prefix="/s/a%3A%20b")
    ask(url)
    page = told(url, f"?after={page['next'].replace('%', '%25')}")
    assert [(entry["session"], entry["number"]) for entry in page["requests"]] == [("a: b", 1), ("default", 3)]
    assert told(url, f"?after={page['next'].replace('%', '%25')}")["requests"] == []
    assert [entry["number"] for entry in told(url, "?session=default&after=2")["requests"]] == [3]


def test_a_limit_keeps_the_newest_or_goes_page_by_page(url: str) -> None:
    for _ in range(5):
        ask(url)
    assert [entry["number"] for entry in told(url, "?limit=2")["requests"]] == [4, 5]
    assert [entry["number"] for entry in told(url, "?limit=2&after=1")["requests"]] == [2, 3]


def test_the_journal_is_filtered_by_rule_kind_and_status(url: str) -> None:
    """A rule goes by its name or its place; filters together narrow down."""
    for text in ("hello", "unheard of"):
        ask(url, text)
        ask(url, text, stream=True)
    place = told(url, "?kind=json")["requests"][0]["place"]

    def numbers(query: str) -> list[int]:
        return [entry["number"] for entry in told(url, query)["requests"]]

    assert numbers("?rule=hello") == numbers(f"?rule={quote(place)}") == [1, 2]
    assert numbers("?rule=hell") == []
    assert numbers("?kind=stream") == [2]
    assert numbers("?kind=miss") == numbers("?status=404") == numbers("?misses=1") == [3, 4]
    assert numbers("?status=200&kind=json&rule=hello") == [1]
    assert numbers("?status=200&limit=1") == [2]
    assert numbers("?kind=&status=&rule=&limit=") == [1, 2, 3, 4]


def test_a_session_that_began_afresh_is_told_from_its_beginning(url: str) -> None:
    """Its numbers begin again; who followed the old one misses nothing."""
    for _ in range(3):
        ask(url, prefix="/s/blue")
    following = quote(told(url)["next"])
    call(url, "PUT", "/_mock/sessions/blue", b"")
    ask(url, prefix="/s/blue")
    assert [entry["number"] for entry in told(url, f"?after={following}")["requests"]] == [1]


def test_what_came_too_late_is_told_until_its_session_begins_again(url: str) -> None:
    """A request to a session that has ended belongs to nobody who comes after."""
    ask(url, prefix="/s/blue")
    call(url, "DELETE", "/_mock/sessions/blue", None)
    assert ask(url, prefix="/s/blue") == 410
    for query in ("", "?session=blue"):
        assert [(entry["session"], entry["status"]) for entry in told(url, query)["requests"]] == [("blue", 410)]
    following = quote(told(url)["next"])
    assert told(url, f"?after={following}")["requests"] == []
    call(url, "PUT", "/_mock/sessions/blue", b"")
    assert told(url, "?session=blue")["requests"] == []
    assert len(told(url)["requests"]) == 1


@pytest.mark.parametrize(
    "query", ["?after=x", "?limit=x", "?after=a:b", "?limit=-1", "?status=ok", "?kind=streams", "?sesion=a", "?x=1"]
)
def test_a_senseless_query_is_a_400(url: str, query: str) -> None:
    status, _, body = call(url, "GET", f"/_mock/requests{query}", None)
    assert status == 400
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_mock", 404),
        ("GET", "/_mock/nothing", 404),
        ("POST", "/_mock/requests", 405),
        ("DELETE", "/_mock/health", 405),
        ("PATCH", "/_mock/sessions/x", 405),
        ("GET", "/_mock/sessions/", 404),
        ("GET", "/_mock/sessions/a/b/c", 404),
        ("GET", "/_mocker", 404),
    ],
)
def test_what_is_not_there_is_told_in_the_providers_shape(url: str, method: str, path: str, status: int) -> None:
    found, headers, body = call(url, method, path)
    assert found == status
    if status == 405:
        assert "GET" in headers["allow"]
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["error"]["message"]


def test_a_path_that_is_not_there_is_told_what_it_may_have_meant(url: str) -> None:
    for path, meant in [("sesions", "/_mock/sessions"), ("sessions/x/clok", "/_mock/sessions/{name}/clock")]:
        assert f"did you mean {meant}?" in json.loads(call(url, "GET", f"/_mock/{path}", None)[2])["error"]["message"]
    assert "/_mock/health" in json.loads(call(url, "GET", "/_mock/zzz", None)[2])["error"]["message"]


def test_a_server_without_a_judge_says_so(url: str) -> None:
    assert call(url, "GET", "/_mock/report", None)[0] == 501


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_web_pages_stay_out(url: str, headers: dict[str, str], status: int) -> None:
    """By origin, and by host where a page's own name was made to resolve to this machine."""
    assert call(url, "GET", "/_mock/requests", None, **headers)[0] == status
    written = call(url, "PUT", "/_mock/sessions/blue", b"{}", **headers)[0]
    assert written == (201 if status == 200 else status)
    assert (b"blue" in call(url, "GET", "/_mock/sessions", None)[2]) == (status == 200)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 201),
        ("Application/JSON; charset=utf-8", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain; application/json", 415),
        ("", 415),
    ],
)
def test_what_a_page_could_send_by_itself_is_no_write(url: str, kind: str, status: int) -> None:
    """Only content types that a browser asks leave for."""
    assert call(url, "POST", "/_mock/sessions", b"{}", **{"content-type": kind})[0] == status


def test_a_refused_write_leaves_the_connection_in_step(url: str) -> None:
    """Its body is not taken for the next request."""
    with Peer(url) as peer:
        for _ in range(2):
            peer.post(b"x" * 100_000, "/_mock/sessions", b"origin: https://evil.example\r\n")
            assert peer.answer()[0] == 403
        peer.send(b"GET /_mock/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert peer.answer()[0] == 200


def test_a_client_that_leaves_in_the_middle_of_a_write_breaks_nothing(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with Peer(url) as peer:
            peer.send(
                b"POST /_mock/sessions HTTP/1.1\r\nhost: localhost\r\n"
                b"content-type: application/json\r\ncontent-length: 50\r\n\r\n{"
            )
    assert call(url, "POST", "/_mock/sessions", b"{}")[0] == 201
    assert caplog.records == []


def scope(client: str = "127.0.0.1", method: str = "GET", **headers: str) -> dict[str, Any]:
    sent = {"host": "127.0.0.1:8080", "content-type": "application/json", **headers}
    return {
        "method": method,
        "client": (client, 5),
        "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in sent.items()],
    }


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (scope(), ""),
        (scope("10.0.0.7"), "token"),
        (scope("10.0.0.7", authorization="Bearer wrong"), "token"),
        (scope("10.0.0.7", authorization="Bearer right", host="box.lan:8080"), ""),
        (scope("::ffff:127.0.0.1"), ""),
        (scope(host="box.lan"), "Host"),
        (scope(method="POST"), ""),
        (scope(method="POST", **{"content-type": "application/yaml"}), ""),
        (scope(method="PUT", **{"content-type": "text/plain"}), "content type"),
        ({**scope(method="DELETE"), "headers": [(b"host", b"localhost")]}, ""),
        (scope("10.0.0.7", "DELETE"), "token"),
        ({**scope(method="POST"), "headers": [(b"host", b"localhost")]}, "content type"),
        (scope(authorization="Bearer right", origin="https://evil.example"), "origins"),
        (scope(origin="http://["), "origins"),
        (scope(host="["), "Host"),
        (scope(host="[::1"), "Host"),
        (scope("10.0.0.7", authorization="Bearer r\xefght"), "token"),
    ],
)
def test_who_may_ask(asked: dict[str, Any], word: str) -> None:
    why = objection(asked, "right")
    assert word in (why[1] if why else "")
    assert bool(why) == bool(word)


def test_without_a_token_nobody_comes_in_from_another_machine() -> None:
    assert objection(scope("10.0.0.7", authorization="Bearer "), "")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("LOCALHOST.", True), ("a.localhost", True), ("127.8.9.1", True), ("::1", True),
     ("::ffff:127.0.0.1", True), ("0.0.0.0", False), ("example.com", False), ("localhost.evil", False), ("", False),
     (None, False)],
)  # fmt: skip
def test_what_means_this_machine(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_secret_headers_are_masked() -> None:
    shown = masked(
        {"authorization": "sk-1", "x-api-key": "sk-2", "cookie": "a=sk-3", "accept": "*/*", "x-token-y": "sk-4"}
    )
    assert shown == {"authorization": "***", "x-api-key": "***", "cookie": "***", "accept": "*/*", "x-token-y": "***"}


def test_cursors_are_read_as_they_were_written() -> None:
    assert read_cursor("") == {}
    assert read_cursor("7") == {"": 7}
    assert read_cursor("default:3,a%3A%2Cb:4") == {"default": 3, "a:,b": 4}
