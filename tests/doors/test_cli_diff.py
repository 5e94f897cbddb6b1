"""`mockserver diff`: recordings against an upstream that answers the same, otherwise, or not at all."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import pytest

from mockserver.adapters.storing import store
from mockserver.core.messages import Request
from mockserver.core.recordings.capture import Capture, End, Piece
from mockserver.core.recordings.editing import appended
from mockserver.core.recordings.writing.text import new_file
from mockserver.core.recordings.writing.written import compose
from tests.doors import processes
from tests.doors.processes import run
from tests.live import Live, serving

RULES = """
rules:
  - {name: tool, when: {model: gpt-5, input: weather}, reply: {call: {get_weather: {city: Paris}}}}
  - {name: rain, when: {tool_output: {name: get_weather}}, reply: {text: It rains in Paris.}}
  - {name: gone, when: {model: gpt-3}, reply: {error: {status: 404, code: model_not_found, message: Gone.}}}
  - {name: text, when: {input: hi}, reply: {text: Hello there.}}
  - {name: models, when: {method: GET, path: /v1/models}, reply: {http: {status: 200, body: {object: list, data: []}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    return tmp_path


@contextlib.contextmanager
def upstream(folder: Path, rules: str = RULES, **options: Any) -> Iterator[Live]:
    """A server that stands for the real API."""
    path = folder / f"upstream-{time.monotonic_ns()}.yaml"
    path.write_text(rules, encoding="utf-8")
    with serving(path, **options) as live:
        yield live


def asked_of(live: Live) -> list[Request]:
    """What was asked of it."""
    return [entry.exchange.request for entry in live.engine.sessions.find("default").journal.entries()]


class Tape:
    """Recordings in one file, made by asking."""

    def __init__(self, folder: Path, stem: str = "hello") -> None:
        self.path = folder / "recordings" / f"{stem}.mock.yaml"
        self.stem = stem
        self.count = 0
        self.path.parent.mkdir(exist_ok=True)

    def ask(self, base: str, body: object, path: str = "/v1/responses", method: str = "POST", **query: str) -> Any:
        """Ask and record; return the JSON of the answer, or its last event's response."""
        place = urlsplit(base)
        payload = b"" if body is None else orjson.dumps(body)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
        try:
            target = path + (f"?{urlencode(query)}" if query else "")
            connection.request(method, target, payload, {"content-type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        headers = tuple((name.lower(), value) for name, value in answer.getheaders() if name != "content-length")
        self.keep(
            Capture(
                method, path, answer.status, headers, (Piece(1.0, content),), query, request_body=payload, ended_at=1.0
            )
        )
        if not content.startswith(b"event:"):
            return json.loads(content)
        return json.loads(content.split(b"data: ")[-1])["response"]

    def keep(self, capture: Capture) -> None:
        """Write one more recording."""
        self.count += 1
        written = compose(capture, stem=self.stem, number=self.count)
        stands = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        store(self.path, appended(stands, written.text) if stands else new_file(written.text), written.beside)

    def refused(self, body: object, *, end: End = "complete", status: int = 200) -> None:
        """Write a recording of nothing much."""
        self.keep(
            Capture(
                "POST",
                "/v1/responses",
                status,
                (("content-type", "application/json"),),
                (Piece(1.0, b"{}"),),
                request_body=orjson.dumps(body),
                ended_at=1.0,
                end=end,
            )
        )


def hello(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "input": "hi", **fields}


def check(base: str, *more: str, path: str = "recordings") -> int:
    return run("diff", path, "--upstream", f"{base}/v1", "--yes", *more)


def results(capsys: pytest.CaptureFixture[str], base: str, *more: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and by name what came of each recording."""
    code = check(base, "--format", "json", *more)
    document = json.loads(capsys.readouterr().out)
    return code, {each["name"]: each for each in document["recordings"]}


def test_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = Tape(folder)
    with upstream(folder) as live:
        for body in (hello(), hello(stream=True), hello(model="gpt-3"), hello(input="weather", stream=True)):
            tape.ask(live.url, body)
        tape.ask(live.url, None, "/v1/models", "GET", limit="2")
        capsys.readouterr()
        assert check(live.url) == 0
        asked = asked_of(live)[-5:]
        assert [request.headers["authorization"] for request in asked] == ["Bearer sk-test-0123456789abcdef"] * 5
        assert asked[-1].query == {"limit": "2"}
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["same", "recordings/hello.mock.yaml:4", "hello", "1"]
    assert out[-1] == f"5 recordings against {live.url}/v1: 5 same"


CHANGED = {
    "removed": ("text: Hello there.", "text: Hello there., response: {truncation: null}", "truncation"),
    "typed": ("text: Hello there.", "text: Hello there., usage: {output_tokens: null}", "usage.output_tokens"),
    "instead": ("text: Hello there.", "error: {status: 404, code: model_not_found, message: No.}", "status"),
}


@pytest.mark.parametrize("case", CHANGED)
@pytest.mark.parametrize("stream", [True, False])
def test_another_structure(folder: Path, capsys: pytest.CaptureFixture[str], case: str, stream: bool) -> None:
    old, new, where = CHANGED[case]
    with upstream(folder) as live:
        Tape(folder).ask(live.url, hello(stream=stream))
    with upstream(folder, RULES.replace(old, new)) as live:
        code, found = results(capsys, live.url)
    assert code == 1
    assert found["hello 1"]["result"] == "drift"
    assert any(each["where"].endswith(where) for each in found["hello 1"]["differences"])


def test_other_events(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is missing, and two that changed places."""
    with upstream(folder) as live:
        Tape(folder).ask(live.url, hello(stream=True))
    for events, row in (
        (
            "[created, {output_text.delta: Hi}, completed]",
            {"where": "events", "recorded": "response.in_progress", "now": "nothing", "kind": "structure"},
        ),
        (
            "[in_progress, created, {output_text.delta: Hi}, completed]",
            {
                "where": "events",
                "recorded": "response.created > response.in_progress > output items > response.completed",
                "now": "response.in_progress > response.created > output items > response.completed",
                "kind": "structure",
            },
        ),
    ):
        rule = f"rules: [{{allow_invalid: true, when: {{stream: true}}, reply: {{events: {events}}}}}]"
        with upstream(folder, rule) as live:
            code, found = results(capsys, live.url)
        assert code == 1
        assert row in found["hello 1"]["differences"]


def test_behaviour_counts_when_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with upstream(folder) as live:
        Tape(folder).ask(live.url, hello(stream=True))
    with upstream(folder, RULES.replace("text: Hello there.", "call: {look: {}}")) as live:
        assert check(live.url) == 0
        out = capsys.readouterr().out
        assert out.startswith("behaves otherwise  recordings/hello.mock.yaml:4  hello 1\n")
        assert "  output: message -> function_call look  (the model's choice)\n" in out
        assert check(live.url, "--strict") == 1


def test_ids_of_earlier_answers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A chain goes on from the new answer, by its response id and its call id."""
    tape = Tape(folder)

    def chain(base: str) -> None:
        first = tape.ask(base, {"model": "gpt-5", "input": "weather"})
        output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "rain"}
        tape.ask(base, {"model": "gpt-5", "previous_response_id": first["id"], "input": [output]})
        tape.ask(base, None, f"/v1/responses/{first['id']}", "GET")

    with upstream(folder) as live:
        chain(live.url)
    with upstream(folder, seed=7) as live:
        code, found = results(capsys, live.url)
        asked = asked_of(live)
        assert {each["result"] for each in found.values()} == {"same"}, found
        assert code == 0
        assert asked[2].path == f"/v1/responses/{asked[1].fields['previous_response_id']}"


def test_what_rests_on_an_answer_that_is_lost(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = Tape(folder)
    with upstream(folder) as live:
        first = tape.ask(live.url, {"model": "gpt-5", "input": "weather"})
        output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "rain"}
        tape.ask(live.url, {"model": "gpt-5", "previous_response_id": first["id"], "input": [output]})
    other = RULES.replace("call: {get_weather: {city: Paris}}", "text: No idea.")
    with upstream(folder, other) as live:
        code, found = results(capsys, live.url)
    assert code == 3
    assert found["hello 1"]["result"] == "behaviour"
    assert found["hello 2"]["result"] == "unchecked"
    assert found["hello 2"]["why"].endswith("and the answer to 'hello 1' now gives no function_call call_id")


def test_files_that_rest_on_each_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with upstream(folder) as live:
        first = Tape(folder, "b").ask(live.url, hello())
        Tape(folder, "a").ask(live.url, hello(previous_response_id=first["id"]))
    with upstream(folder, seed=7) as live:
        code, found = results(capsys, live.url)
    assert code == 0, found


def test_what_cannot_be_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = Tape(folder)
    tape.refused(hello(), end="partial")
    tape.refused(hello(metadata={"key": "<redacted:api-key>"}))
    tape.refused(hello(), status=500)
    with upstream(folder) as live:
        code, found = results(capsys, live.url)
        assert asked_of(live) == []
    assert code == 3
    assert [each["why"].partition(":")[0] for each in found.values()] == [
        "the recording is not whole",
        "the request holds <redacted",
        "a 500 was recorded, which cannot be provoked again",
    ]


def test_drift_wins_over_what_cannot_be_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = Tape(folder)
    tape.refused(hello(), end="partial")
    tape.refused(hello())
    with upstream(folder) as live:
        assert check(live.url) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith(": 1 drift, 1 could not check")


def test_a_key_that_is_not_accepted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing more is sent then."""
    tape = Tape(folder)
    with upstream(folder) as live:
        tape.ask(live.url, hello())
        tape.ask(live.url, hello(stream=True))
    with upstream(folder, "auth: {keys: [sk-other]}\n" + RULES) as live:
        code, found = results(capsys, live.url)
        assert len(asked_of(live)) == 1
    assert code == 3
    assert found["hello 1"]["why"].startswith("401: the key is not accepted")
    assert "sk-test" not in json.dumps(found)
    assert found["hello 2"]["why"].startswith("not sent: the upstream did not accept the key")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_upstream_that_is_busy(folder: Path, capsys: pytest.CaptureFixture[str], status: int) -> None:
    with upstream(folder) as live:
        Tape(folder).ask(live.url, hello())
    busy = f"rules: [{{reply: {{error: {{status: {status}, code: x, message: Later.}}}}}}]"
    with upstream(folder, busy) as live:
        code, found = results(capsys, live.url)
    assert code == 3
    assert found["hello 1"]["why"].startswith(f"{status}: the upstream would not answer now")


def test_nobody_answers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = Tape(folder)
    tape.refused(hello())
    tape.refused(hello())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        code, found = results(capsys, f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert code == 3
    assert found["hello 1"]["why"].endswith("(connection refused)")
    assert found["hello 2"]["why"].startswith("not sent: ")


def whole_request(connection: socket.socket) -> bool:
    """Read a request to its end: what is left unread when a connection is closed would reset it."""
    found = b""
    while b"\r\n\r\n" not in found:
        data = connection.recv(65536)
        if not data:
            return False
        found += data
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or b"0")
    while len(body) < length:
        body += connection.recv(65536)
    return True


@contextlib.contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request and does what it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    if whole_request(connection):
                        answer(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        with contextlib.suppress(OSError):
            socket.create_connection(listener.getsockname(), timeout=1).close()
        thread.join()
        listener.close()


def plain(head: str, body: bytes = b"") -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (plain("HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-length: 9", b"{}"), "ended the connection"),
        (plain("SSH-2.0-x"), "the upstream gave no answer"),
        (lambda connection: None, "the upstream gave no answer"),
        (plain("HTTP/1.1 307 Go\nlocation: http://127.0.0.1:9/v1\ncontent-length: 0"), "redirects are not followed"),
    ],
)
def test_an_upstream_that_misbehaves(
    folder: Path, capsys: pytest.CaptureFixture[str], answer: Callable[[socket.socket], None], why: str
) -> None:
    Tape(folder).refused(hello())
    with raw_server(answer) as url:
        code, found = results(capsys, url)
    assert code == 3
    assert why in found["hello 1"]["why"]


def test_an_upstream_that_goes_silent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Tape(folder).refused(hello())
    head = plain("HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-length: 9", b"{")

    def silent(connection: socket.socket) -> None:
        head(connection)
        while connection.recv(65536):
            pass

    with raw_server(silent) as url:
        code, found = results(capsys, url, "--upstream-timeout", "300ms")
    assert code == 3
    assert found["hello 1"]["why"].startswith("the upstream went silent")


def test_another_form_of_body(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A proxy's page instead of the API's JSON is drift."""
    Tape(folder).refused(hello())
    page = plain("HTTP/1.1 200 OK\ncontent-type: text/html\ncontent-length: 6", b"<html>")
    with raw_server(page) as url:
        code, found = results(capsys, url)
    assert code == 1
    assert found["hello 1"]["differences"][0]["where"] == "content type"


def test_a_packed_answer(folder: Path) -> None:
    import gzip

    Tape(folder).refused(hello())
    body = gzip.compress(b"{}")
    head = f"HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-encoding: gzip\ncontent-length: {len(body)}"
    with raw_server(plain(head, body)) as url:
        assert check(url) == 0


def test_delete_only_what_was_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = Tape(folder)
    with upstream(folder) as live:
        first = tape.ask(live.url, hello())
        tape.ask(live.url, None, f"/v1/responses/{first['id']}", "DELETE")
        Tape(folder, "alone").ask(live.url, None, "/v1/responses/resp_of_somebody", "DELETE")
    with upstream(folder, seed=7) as live:
        code, found = results(capsys, live.url)
        asked = asked_of(live)
    assert code == 3
    assert [request.method for request in asked] == ["POST", "DELETE"]
    assert found["hello 2"]["result"] == "same"
    assert found["alone 1"]["why"] == "it would delete something that was not made just now"


def test_headers_and_keys_of_another_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAGING_KEY", "sk-staging")
    with upstream(folder) as live:
        Tape(folder).ask(live.url, hello())
        assert check(live.url, "--key-env", "STAGING_KEY", "-H", "openai-beta: v2") == 0
        last = asked_of(live)[-1]
        assert last.headers["authorization"] == "Bearer sk-staging"
        assert last.headers["openai-beta"] == "v2"
        assert check(live.url, "--key-env", "NO_SUCH_KEY") == 2
        assert "NO_SUCH_KEY is not set" in capsys.readouterr().err
        assert check(live.url, "-H", "nonsense") == 2
        assert "expected NAME:VALUE" in capsys.readouterr().err
        monkeypatch.delenv("OPENAI_API_KEY")
        assert check(live.url) == 0
        assert "sending without a key" in capsys.readouterr().err


def test_used_wrongly(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Tape(folder).refused(hello())
    assert run("diff", "recordings", "--yes") == 2
    assert "diff needs --upstream URL" in capsys.readouterr().err
    assert run("diff", "recordings", "--yes", "--upstream", "nonsense") == 2
    assert "expected a URL" in capsys.readouterr().err
    assert run("diff") == 2
    capsys.readouterr()
    assert run("diff", "nowhere", "--yes", "--upstream", "http://127.0.0.1:9/v1") == 2
    assert "there is no such file or folder" in capsys.readouterr().err


def test_it_asks_before_it_spends(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there is nobody to ask."""
    tape = Tape(folder)
    tape.refused(hello())
    tape.refused(hello(model="gpt-4"))
    tape.refused(hello(), end="cut")
    assert run("diff", "recordings", "--upstream", "http://127.0.0.1:9/v1") == 2
    assert capsys.readouterr().err == (
        "mockserver: this sends 2 requests (gpt-5 x 1, gpt-4 x 1) to http://127.0.0.1:9/v1: say --yes if that is meant\n"
    )


def test_no_recordings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.mock.yaml").write_text(RULES, encoding="utf-8")
    assert run("diff", "a.mock.yaml", "--yes", "--upstream", "http://127.0.0.1:9/v1") == 3
    assert "there are no recordings in a.mock.yaml" in capsys.readouterr().err


def test_github_shows_drift_beside_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = Tape(folder)
    with upstream(folder) as live:
        tape.ask(live.url, hello())
        tape.refused(hello(), end="cut")
        capsys.readouterr()
        with upstream(folder, RULES.replace("text: Hello there.", "error: model_not_found")) as other:
            assert check(other.url, "--format", "github") == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith("::error file=recordings/hello.mock.yaml,line=4::hello 1: drift%0Astatus: 200 -> 4")
    assert lines[1].startswith("::warning file=recordings/hello.mock.yaml,line=")
    assert captured.err.endswith(": 1 drift, 1 could not check\n")


def test_processes_of_their_own(tmp_path: Path) -> None:
    """The command as people run it, against a server as people run it."""
    import subprocess

    rules = tmp_path / "rules.mock.yaml"
    rules.write_text(RULES, encoding="utf-8")
    with processes.serving(str(rules)) as served:
        tape = Tape(tmp_path)
        tape.ask(served.url, hello(stream=True))
        command = [*processes.COMMAND, "diff", str(tape.path.parent), "--upstream", served.url, "--yes"]
        done = subprocess.run(command, capture_output=True, text=True, env=processes.environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": 1 same\n")


EXTRA = RULES.replace("text: Hello there.", "text: Good day., response: {truncation: null}")


@pytest.mark.parametrize("stream", [True, False])
def test_update_puts_what_came_in_place(folder: Path, capsys: pytest.CaptureFixture[str], stream: bool) -> None:
    """Comments, other rules and keys of one's own stay; so do the ids, which other recordings may name."""
    tape = Tape(folder)
    with upstream(folder) as live:
        tape.ask(live.url, {"model": "gpt-5", "input": "weather"})
        first = tape.ask(live.url, hello(stream=stream))
        tape.ask(live.url, hello(stream=stream, previous_response_id=first["id"]))
    before = tape.path.read_text(encoding="utf-8")
    before = before.replace("  - name: hello 2\n", "  # mine\n  - name: hello 2\n    optional: true\n")
    before += "  - {name: own, when: {model: other}, reply: {text: mine}}\n"
    tape.path.write_text(before, encoding="utf-8")
    with upstream(folder, EXTRA, seed=7) as live:
        assert check(live.url) == 1
        assert check(live.url, "--update") == 0
        out = capsys.readouterr().out
        assert out.count("  rewritten\n") == 2
        assert out.endswith(": 1 same, 2 drift; 2 rewritten\n")
        assert check(live.url) == 0
    after = tape.path.read_text(encoding="utf-8")
    assert "  # mine\n  - name: hello 2\n" in after
    assert "optional: true" in after
    assert "  - {name: own, when: {model: other}, reply: {text: mine}}\n" in after
    assert after.partition("- name: hello 2")[0] == before.partition("- name: hello 2")[0]
    assert "Good day." in after
    assert "Hello there." not in after
    assert "sk-test" not in after
    assert after.count(first["id"]) == before.count(first["id"]) >= 2
    with serving(folder / "recordings") as live:
        again = tape_free_ask(live.url, hello(stream=stream))
        assert again["id"] == first["id"]
        assert again["truncation"] is None
        assert tape_free_ask(live.url, hello(stream=stream, previous_response_id=first["id"]))["truncation"] is None


def test_update_of_what_stands_in_files(folder: Path) -> None:
    """A new image is a new file; the old one goes, what is asked and what other recordings name stays."""
    asked, old, new = (
        base64.b64encode(b"\x89PNG\r\n\x1a\n" + random.Random(seed).randbytes(4_000)).decode() for seed in (1, 2, 3)
    )

    def painting(words: str, image: str, more: str = "") -> str:
        output = f"[{{image_generation_call: {{result: {image}}}}}]"
        return f"  - {{when: {{input: {words}}}, reply: {{output: {output}{more}}}}}\n"

    def paint(words: str) -> dict[str, Any]:
        shown = {"type": "input_image", "image_url": f"data:image/png;base64,{asked}"}
        return {
            "model": "gpt-5",
            "input": [{"role": "user", "content": [{"type": "input_text", "text": words}, shown]}],
        }

    def pictures() -> set[bytes]:
        return {base64.b64encode(path.read_bytes()) for path in (folder / "recordings").glob("*.png")}

    tape = Tape(folder)
    with upstream(folder, "rules:\n" + painting("paint", old) + painting("again", old)) as live:
        tape.ask(live.url, paint("paint"))
        tape.ask(live.url, paint("again"))
        assert check(live.url) == 0
    assert pictures() == {asked.encode(), old.encode()}
    more = ", response: {truncation: null}"
    before = tape.path.read_text(encoding="utf-8")
    with upstream(folder, "rules:\n" + painting("paint", new, more) + painting("again", old)) as live:
        assert check(live.url, "--update") == 0
        assert check(live.url) == 0
    assert pictures() == {asked.encode(), old.encode(), new.encode()}
    with upstream(folder, "rules:\n" + painting("paint", new, more) + painting("again", new, more)) as live:
        assert check(live.url, "--update") == 0
        assert check(live.url) == 0
    assert pictures() == {asked.encode(), new.encode()}
    after = tape.path.read_text(encoding="utf-8")
    assert len(after) < len(before) + 200
    assert run("check", "recordings") == 0


def tape_free_ask(base: str, body: dict[str, Any]) -> Any:
    """Ask, recording nothing that stays."""
    import tempfile

    with tempfile.TemporaryDirectory() as other:
        return Tape(Path(other)).ask(base, body)


def test_update_keeps_what_it_must(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reply that somebody edited; an answer where there is an error now."""
    tape = Tape(folder)
    with upstream(folder) as live:
        tape.ask(live.url, hello())
        tape.ask(live.url, hello(stream=True))
    text = tape.path.read_text(encoding="utf-8")
    tape.path.write_text(text.replace("Hello there.", "Hello you.", 1), encoding="utf-8")
    before = {path.name: path.read_bytes() for path in tape.path.parent.iterdir()}
    with upstream(folder, EXTRA) as live:
        code, found = results(capsys, live.url, "--update")
        assert code == 1
        assert found["hello 1"]["kept"] == "its reply was edited by hand"
        assert found["hello 2"]["rewritten"]
    changed = {path.name for path in tape.path.parent.iterdir() if path.read_bytes() != before[path.name]}
    assert changed == {"hello.mock.yaml", "hello.2.sse"}
    with upstream(folder, RULES.replace("text: Hello there.", "error: model_not_found")) as live:
        code, found = results(capsys, live.url, "--update")
        assert code == 1
        assert found["hello 2"]["kept"].startswith("an answer is not replaced by an error")


def test_update_of_what_the_model_chose(folder: Path) -> None:
    """Only with `--strict`; a stream may become another, and stays one file."""
    tape = Tape(folder)
    with upstream(folder) as live:
        tape.ask(live.url, hello(stream=True))
    with upstream(folder, RULES.replace("text: Hello there.", "call: {look: {}}")) as live:
        before = tape.path.read_bytes()
        assert check(live.url, "--update") == 0
        assert tape.path.read_bytes() == before
        assert check(live.url, "--update", "--strict") == 0
        assert b"look" in tape.path.read_bytes()
        assert check(live.url, "--strict") == 0
    assert sorted(path.name for path in tape.path.parent.iterdir()) == ["hello.1.sse", "hello.mock.yaml"]


def test_update_where_nothing_can_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exact bytes are put back where the rule file cannot be replaced."""
    from mockserver.adapters import disk

    tape = Tape(folder)
    with upstream(folder) as live:
        tape.ask(live.url, hello(stream=True))
    before = {path.name: path.read_bytes() for path in tape.path.parent.iterdir()}
    write = disk.write_whole

    def full(path: Path, content: str | bytes) -> None:
        if path.name.endswith(".yaml"):
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(disk, "write_whole", full)
    with upstream(folder, EXTRA) as live:
        code, found = results(capsys, live.url, "--update")
    assert code == 1
    assert found["hello 1"]["kept"].endswith("cannot be written: No space left on device")
    assert {path.name: path.read_bytes() for path in tape.path.parent.iterdir()} == before


def test_an_interrupt_tells_what_is_known(tmp_path: Path) -> None:
    """What was checked by then counts, the rest could not be checked."""
    import signal
    import subprocess

    Tape(tmp_path).refused(hello())
    asked = threading.Event()

    def silent(connection: socket.socket) -> None:
        asked.set()
        while connection.recv(65536):
            pass

    with raw_server(silent) as url:
        command = [*processes.COMMAND, "diff", str(tmp_path / "recordings"), "--upstream", url, "--yes"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=processes.environment())
        assert asked.wait(20)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 3
    assert out.splitlines()[-1].endswith(": 1 could not check")
    assert ": interrupted\n" in out


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="a terminal of one's own needs POSIX")
@pytest.mark.parametrize(("said", "code"), [("y", 1), ("n", 3)])
def test_a_terminal_is_asked_and_sees_progress(tmp_path: Path, said: str, code: int) -> None:
    import os
    import pty
    import subprocess

    Tape(tmp_path).refused(hello())
    with upstream(tmp_path) as live:
        command = [*processes.COMMAND, "diff", str(tmp_path / "recordings"), "--upstream", f"{live.url}/v1"]
        ours, theirs = pty.openpty()
        environ = {**processes.environment(), "OPENAI_API_KEY": "sk-x"}
        process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environ)
        os.close(theirs)
        os.write(ours, f"{said}\n".encode())
        out, _ = process.communicate(timeout=20)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal is gone with its last process
            while data := os.read(ours, 65536):
                shown += data
        os.close(ours)
    assert process.returncode == code
    question = f"This sends 1 request (gpt-5 x 1) to {live.url}/v1; go on? [y/N]: "
    assert question in shown.decode()
    assert (b"1 of 1 checked" in shown) is (said == "y")
    assert bool(out) is (said == "y")
