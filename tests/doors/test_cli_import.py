"""`mockserver import`: files of other tools in, rule files out, and what a client then gets from them."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from mockserver.adapters import disk
from mockserver.adapters.importer import Importer, stem_of
from tests.doors.processes import environment, run, serving

URL = "https://api.openai.com/v1/responses"
KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"


def response(text: str, **changes: Any) -> dict[str, Any]:
    """A response object as the API sends it."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-5-2025-08-07",
        "output": [
            {
                "id": "msg_1",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
            }
        ],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 5,
        },
        **changes,
    }


def stream(text: str) -> str:
    """The same answer as the frames of a stream, with spaces that no encoder of ours writes."""
    whole = response(text)
    item = whole["output"][0]
    part = item["content"][0]
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    empty = {**part, "text": ""}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **at, "part": empty},
        *({"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in text),
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return "".join(
        f"event:  {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"
        for number, event in enumerate(events)
    )


def interaction(
    asked: dict[str, Any], answered: str, *, uri: str = URL, status: int = 200, key: str = KEY
) -> dict[str, Any]:
    kind = "text/event-stream; charset=utf-8" if asked.get("stream") else "application/json"
    return {
        "request": {
            "method": "POST",
            "uri": uri,
            "body": json.dumps(asked),
            "headers": {"authorization": [f"Bearer {key}"], "user-agent": ["OpenAI/Python 3.54.0"]},
        },
        "response": {
            "status": {"code": status, "message": "OK"},
            "headers": {"Content-Type": [kind], "Content-Encoding": ["gzip"], "openai-organization": ["acme"]},
            "body": {"string": gzip.compress(answered.encode())},
        },
    }


JSON_ASKED = {"model": "gpt-5", "input": "Hello", "metadata": {"run": "1"}}
STREAM_ASKED = {"model": "gpt-5", "input": "Hello", "stream": True}
OTHER = interaction({}, "pixels", uri="https://example.com/cat.png?token=abc")


def cassette(*interactions: dict[str, Any]) -> str:
    return yaml.dump({"interactions": list(interactions), "version": 1})


def har(text: str) -> str:
    entry = {
        "startedDateTime": "2026-11-22T12:00:00.000Z",
        "request": {
            "method": "POST",
            "url": URL,
            "headers": [{"name": "Authorization", "value": f"Bearer {KEY}"}],
            "postData": {"mimeType": "application/json", "text": json.dumps(JSON_ASKED)},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "content-type", "value": "application/json"}],
            "content": {"size": 9, "mimeType": "application/json", "text": json.dumps(response(text))},
        },
        "timings": {"send": 1, "wait": 12.5, "receive": 3},
    }
    return json.dumps({"log": {"version": "1.2", "entries": [entry]}})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if "PYTHONPATH" in os.environ:  # as seen from the folder that the tests were started in
        monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(text.encode()) if path.name.endswith(".gz") else text.encode()
    path.write_bytes(packed)


def client(url: str, session: str = "default") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url.removesuffix('/v1')}/s/{session}/v1", api_key="k", max_retries=0)


def test_a_cassette_from_file_to_client(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stream and JSON of one packed cassette, checked, then asked by the official client: the very same words."""
    text = 'Grüße, "world" 👋 {{ x }}'
    both = cassette(
        interaction(JSON_ASKED, json.dumps(response(text), indent=1)), interaction(STREAM_ASKED, stream(text))
    )
    write(folder / "test_greeting.yaml.gz", both)
    assert run("import", "test_greeting.yaml.gz", "--into", "kept") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["file", "format", "holds", "imported", "left", "out", "into"]
    assert out[1].split() == ["test_greeting.yaml.gz", "vcr", "2", "2", "0", "kept/test_greeting.mock.yaml"]
    assert out[-1] == "answer from them: mockserver replay kept"
    assert run("check", "kept") == 0
    with serving("kept", verb="replay") as served, client(served.url) as asking:
        assert asking.responses.create(model="gpt-5", input="Hello", metadata={"run": "1"}).output_text == text
        with asking.responses.create(model="gpt-5", input="Hello", stream=True) as events:
            deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert "".join(deltas) == text
        with pytest.raises(openai.NotFoundError):
            asking.responses.create(model="gpt-5", input="Hello", stream=True)  # played already


def test_the_bytes_are_those_of_the_cassette(folder: Path) -> None:
    write(folder / "a.yaml", cassette(interaction(STREAM_ASKED, stream("Hi"))))
    assert run("import", "a.yaml") == 0
    with serving("recordings", verb="replay") as served:
        assert served.post(STREAM_ASKED)[2] == stream("Hi")


def test_an_image_of_a_cassette_is_a_file(folder: Path) -> None:
    """One for all requests that hold it, which answer then."""
    image = b"\xff\xd8\xff" + random.Random(3).randbytes(3_000)
    shown = {"type": "input_image", "image_url": f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"}
    texts = ["What is this?", "And this?"]
    asked: list[Any] = [
        {"model": "gpt-5", "input": [{"role": "user", "content": [{"type": "input_text", "text": text}, shown]}]}
        for text in texts
    ]
    taken = [interaction(each, json.dumps(response(text))) for each, text in zip(asked, texts, strict=True)]
    write(folder / "look.yaml", cassette(*taken))
    assert run("import", "look.yaml", "--into", "kept") == 0
    [file] = (folder / "kept").glob("*.jpg")
    assert file.read_bytes() == image
    assert (folder / "kept/look.mock.yaml").read_text().count(f"<base64:{file.name}>") == 2
    assert run("check", "kept") == 0
    with serving("kept", verb="replay") as served, client(served.url) as asking:
        assert [asking.responses.create(**each).output_text for each in asked] == texts


def test_no_secret_of_a_cassette_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answered = json.dumps(response(f"your key is {KEY}"))
    write(folder / "a.yaml", cassette(interaction({**JSON_ASKED, "input": f"I am {KEY}"}, answered)))
    assert run("import", "a.yaml") == 0
    written = b"".join(path.read_bytes() for path in (folder / "recordings").iterdir())
    assert KEY.encode() not in written
    assert b"acme" not in written
    assert "secrets replaced; into recordings" in capsys.readouterr().out


def test_what_is_left_out_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.yaml", cassette(OTHER, interaction(JSON_ASKED, json.dumps(response("Hi"))), *[OTHER] * 6))
    assert run("import", "a.yaml") == 1
    out = capsys.readouterr().out
    assert "a.yaml  vcr         8         1         7  recordings/a.mock.yaml" in out
    assert "7 left out" in out
    assert "  a.yaml: 1 (line 2) POST https://example.com/cat.png, " in out
    assert " and 2 more: no path of the API (/v1/…); --base URL selects another" in out
    assert "abc" not in out


def test_what_was_guessed_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = interaction(JSON_ASKED, json.dumps(response("Hi")), uri="**REDACTED**")
    write(folder / "a.yaml", cassette(made, made))
    assert run("import", "a.yaml") == 0
    assert "  2 times: the URL is hidden; POST /v1/responses was told from the answer" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.yaml", cassette(interaction(JSON_ASKED, json.dumps(response("Hi")))))
    assert run("import", "a.yaml", "--dry-run") == 0
    assert [path.name for path in folder.iterdir()] == ["a.yaml"]
    out = capsys.readouterr().out
    assert "1 would be imported, 0 left out" in out
    assert out.endswith("; nothing was written\n")


def test_nothing_standing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.yaml", cassette(interaction(STREAM_ASKED, stream("Hi"))))
    write(folder / "recordings" / "A.1.SSE", "mine")
    assert run("import", "a.yaml") == 1
    assert [path.name for path in (folder / "recordings").iterdir()] == ["A.1.SSE"]
    assert (
        "files called recordings/a.* are there already (remove them, or choose another --into)"
        in capsys.readouterr().out
    )


def test_files_of_one_name_in_one_run(folder: Path) -> None:
    """Each keeps its own recordings, also where names differ in their case only."""
    for name in ("x/test_a.yaml", "y/test_a.yaml.gz", "z/Test_A.json"):
        write(folder / name, cassette(interaction(STREAM_ASKED, stream(name))))
    assert run("import", ".", "--into", "kept") == 0
    names = sorted(path.name for path in (folder / "kept").iterdir())
    assert names == [
        "Test_A-3.1.sse",
        "Test_A-3.mock.yaml",
        "test_a-2.1.sse",
        "test_a-2.mock.yaml",
        "test_a.1.sse",
        "test_a.mock.yaml",
    ]
    assert not disk.read_rules([folder / "kept"]).problems


def test_folders_pass_over_what_is_of_other_kinds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "in" / "a.har", har("Hi"))
    write(folder / "in" / "compose.yaml", "services: {}")
    write(folder / "in" / "ours.mock.yaml", "rules: []")
    write(folder / "in" / "notes.txt", "x")
    assert run("import", "in") == 0
    assert "1 imported, 0 left out, 1 file of other kinds passed over; into recordings" in capsys.readouterr().out
    assert run("import", "in/compose.yaml") == 3
    assert "in/compose.yaml: not a vcrpy cassette (`interactions`), a HAR file" in capsys.readouterr().out


def test_a_har_file_keeps_its_times(folder: Path) -> None:
    write(folder / "a.har", har("Hi"))
    assert run("import", "a.har") == 0
    rule = yaml.safe_load((folder / "recordings" / "a.mock.yaml").read_text(encoding="utf-8"))["rules"][0]
    assert (rule["recorded"]["first"], rule["recorded"]["duration"]) == ("12.5ms", "15.5ms")
    assert rule["recorded"]["at"] == "2026-11-22T12:00:00Z"
    with serving("recordings", verb="replay") as served, client(served.url) as asking:
        assert asking.responses.create(model="gpt-5", input="Hello", metadata={"run": "1"}).output_text == "Hi"


def test_aimock_fixtures_become_rules(folder: Path) -> None:
    fixtures = [
        {"match": {"userMessage": "hello"}, "response": {"content": "Hi there!"}},
        {
            "match": {"userMessage": "rate"},
            "response": {"error": {"message": "Slow down", "code": "slow"}, "status": 429},
        },
    ]
    write(folder / "fixtures.json", json.dumps({"fixtures": fixtures}))
    assert run("import", "fixtures.json") == 0
    assert run("check", "recordings") == 0
    with serving("recordings", verb="replay") as served, client(served.url) as asking:
        assert asking.responses.create(model="gpt-5", input="say hello").output_text == "Hi there!"
        with pytest.raises(openai.RateLimitError, match="Slow down"):
            asking.responses.create(model="gpt-5", input="rate limit")


def test_what_may_differ_goes_into_the_file(folder: Path) -> None:
    asked = {**JSON_ASKED, "instructions": "Today is 2026-11-22."}
    write(folder / "a.yaml", cassette(interaction(asked, json.dumps(response("Hi")))))
    assert run("import", "a.yaml", "--ignore", "$.metadata.run", "--mask", "date") == 0
    assert run("check", "recordings") == 0
    with serving("recordings", verb="replay") as served, client(served.url) as asking:
        later = asking.responses.create(
            model="gpt-5", input="Hello", metadata={"run": "2"}, instructions="Today is 2027-01-05."
        )
        assert later.output_text == "Hi"


def test_a_base_selects(folder: Path) -> None:
    deep = interaction(JSON_ASKED, json.dumps(response("Hi")), uri="https://x.example/openai/deployments/y/responses")
    write(folder / "a.yaml", cassette(deep))
    assert run("import", "a.yaml", "--dry-run") == 1
    assert run("import", "a.yaml", "--base", "https://x.example/openai/deployments/y") == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.yaml"], "does not exist"),
        (["a.yaml", "--base", "api.openai.com"], "expected a base URL such as https://host/v1"),
        (["a.yaml", "--base", "https://[x"], "is no URL"),
        (["a.yaml", "--ignore", "$["], "--ignore"),
        (["a.yaml", "--mask", "("], "--mask"),
        ([], "Missing argument"),
    ],
)
def test_used_wrongly(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    write(folder / "a.yaml", cassette())
    assert run("import", *arguments) == 2
    assert says in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.yaml", cassette(interaction(JSON_ASKED, json.dumps(response("Hi")))))
    (folder / "file").write_text("x", encoding="utf-8")
    assert run("import", "a.yaml", "--into", "file/below") == 2
    assert "cannot write into file/below" in capsys.readouterr().err


def test_a_file_that_comes_into_being_meanwhile(folder: Path) -> None:
    """Another process may import into the same folder: neither overwrites the other, and no half set is left."""
    write(folder / "a.yaml", cassette(interaction(STREAM_ASKED, stream("Hi"))))
    importer = Importer(folder / "kept")
    write(folder / "kept" / "a.1.sse", "theirs")
    with pytest.raises(FileExistsError, match="has just been written by somebody else"):
        importer.bring(folder / "a.yaml")
    assert [(path.name, path.read_text(encoding="utf-8")) for path in (folder / "kept").iterdir()] == [
        ("a.1.sse", "theirs")
    ]


def test_broken_files_beside_good_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.yaml", cassette(interaction(JSON_ASKED, json.dumps(response("Hi")))))
    write(folder / "b.yaml", "interactions:\n- request: [\n")
    write(folder / "c.har", '{"log": ')
    assert run("import", "a.yaml", "b.yaml", "c.har") == 1
    out = capsys.readouterr().out
    assert "  b.yaml:3:1: " in out
    assert "  c.har:1:9: not JSON: " in out
    assert "1 imported, 0 left out, 2 files unreadable" in out
    assert run("import", "b.yaml", "c.har") == 3


def test_an_empty_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "in").mkdir()
    assert run("import", "in") == 3
    assert "no files to import there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("test_ask.yaml", "test_ask"),
        ("TestTools.test_ask.yaml.gz", "TestTools.test_ask"),
        ("test_ask[paris].json", "test_ask-paris"),
        ("api.openai.com.har", "api.openai.com"),
        ("My session.har.gz", "My-session-c3d02683"),
        ("con.yaml", "con-file"),
        ("ä.yaml", "e1beef6f"),
    ],
)
def test_names(name: str, stem: str) -> None:
    assert stem_of(Path(name)) == stem
