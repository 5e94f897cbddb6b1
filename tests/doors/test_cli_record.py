"""`mockserver record` and `replay` as processes: what the real API answers, then the same again without it."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from mockserver.adapters import besides, disk
from mockserver.adapters.disk import read_rules
from mockserver.core.recordings.editing import listed
from tests.doors.processes import COMMAND, PATIENCE, Served, environment, run, serving
from tests.misbehaving import Heard, Misbehaving, Wire

RULES = """
rules:
  - when: {input: {contains: weather}}
    turns:
      - output: [{reasoning: I have a tool for that.}, {function_call: {name: get_weather, arguments: {city: Paris}}}]
      - text: "18 °C 🌤 in {{ tool_outputs.get_weather }}."
  - when: {input: twice}
    replies: [{text: first}, {text: second}]
  - when: {input: limit}
    reply: {error: rate_limit_exceeded, retry_after: 20ms}
  - when: {input: slowly}
    reply: {text: one two three four, timing: {first: 60ms, every: 40ms}}
otherwise: {text: "{{ input }}? Yes."}
"""
TOOLS: Any = [{"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}]
SECRET = "sk-proj-Zk3v9Qw7Lx2Tt8Rb5Np0Ys4Hd6Gf1Ja"


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Served]:
    """Another mockserver, which stands where the real API would."""
    rules = tmp_path / "upstream.mock.yaml"
    rules.write_text(RULES)
    with serving(str(rules)) as served:
        yield served


def recording(upstream: Served, into: Path, *args: str) -> Any:
    return serving("--upstream", upstream.url, "--into", str(into), *args, verb="record")


def replaying(into: Path, *args: str) -> Any:
    return serving(str(into), *args, verb="replay")


def client(served: Served, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=served.url, api_key=SECRET, **options)


def conversation(client: openai.OpenAI) -> list[Any]:
    """A tool loop streamed by the official client, asked in the way of agents: the whole conversation each time."""
    told: list[Any] = []
    items: Any = [{"role": "user", "content": "What is the weather like, s'il vous plaît?"}]
    for _ in range(2):
        with client.responses.stream(model="gpt-5", input=items, tools=TOOLS) as stream:
            told += [event.type for event in stream]
            response = stream.get_final_response()
        told.append(response.model_dump(mode="json"))
        items = [*items, *(item.model_dump(exclude_none=True) for item in response.output)]
        for item in response.output:
            if item.type == "function_call":
                items.append({"type": "function_call_output", "call_id": item.call_id, "output": "Paris"})
    return told


def files(folder: Path) -> dict[str, bytes]:
    """Return what stands in a folder; what a process was about to write when it was killed is hidden."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_tool_loop_comes_back_without_the_api(upstream: Served, tmp_path: Path) -> None:
    """Event by event and field by field, and the key is nowhere on the disk."""
    into = tmp_path / "recordings"
    with recording(upstream, into) as served:
        told = conversation(client(served))
        assert served.end() == 0
    assert "2 recorded" in served.err
    assert upstream.end() == 0
    assert sorted(files(into)) == [
        "what-is-the-weather-like-sil-vous-plait.1.sse",
        "what-is-the-weather-like-sil-vous-plait.2.sse",
        "what-is-the-weather-like-sil-vous-plait.mock.yaml",
    ]
    assert not any(SECRET.encode() in content for content in files(into).values())
    text = files(into)["what-is-the-weather-like-sil-vous-plait.mock.yaml"].decode()
    assert "18 °C 🌤 in Paris." in text
    with replaying(into, "--speed", "0") as served:
        assert conversation(client(served)) == told
        with pytest.raises(openai.NotFoundError, match="already played"):
            conversation(client(served, max_retries=0))
        assert served.end() == 0


def looking(client: openai.OpenAI, image: bytes) -> list[str]:
    """A tool loop about an image, which is sent again in every turn; the tool gives one back too."""
    shown = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    content = [{"type": "input_text", "text": "What is the weather here?"}, {"type": "input_image", "image_url": shown}]
    items: Any = [{"role": "user", "content": content}]
    told: list[str] = []
    for _ in range(2):
        response = client.responses.create(model="gpt-5", input=items, tools=TOOLS)
        told += [response.output_text, *(item.to_json() for item in response.output)]
        items = [*items, *(item.model_dump(exclude_none=True) for item in response.output)]
        for item in response.output:
            if item.type == "function_call":
                output = [{"type": "input_text", "text": "Paris"}, {"type": "input_image", "image_url": shown}]
                items.append({"type": "function_call_output", "call_id": item.call_id, "output": output})
    return told


def test_an_image_is_one_file_beside_the_rules(upstream: Served, tmp_path: Path) -> None:
    """However often it is sent. Recorded anew with another one, the old one goes; without it nothing is replayed."""
    into = tmp_path / "recordings"
    one, other = (b"\x89PNG\r\n\x1a\n" + random.Random(seed).randbytes(90_000) for seed in (1, 2))
    with recording(upstream, into) as served:
        told = looking(client(served), one)
        assert served.end() == 0
    assert "2 recorded" in served.err
    [name] = [name for name in files(into) if name.endswith(".png")]
    assert files(into)[name] == one
    [rules] = into.glob("*.mock.yaml")
    text = rules.read_text()
    assert len(text) < 10_000
    assert text.count(f"data:image/png;base64,<base64:{name}>") == 3
    assert read_rules([into]).problems == ()
    assert run("check", str(into)) == 0
    with replaying(into) as served:
        assert looking(client(served), one) == told
        with pytest.raises(openai.NotFoundError, match="image_url"):
            looking(client(served, max_retries=0), other)
        assert served.end() == 0
    with recording(upstream, into, "--mode", "rewrite") as served:
        looking(client(served), other)
        assert served.end() == 0
    [renewed] = [name for name in files(into) if name.endswith(".png")]
    assert renewed != name
    assert files(into)[renewed] == other
    (into / renewed).rename(into / name)
    problems = [str(problem) for problem in read_rules([into]).problems]
    assert [f"there is no {renewed} beside this file" in problem for problem in problems] == [True, True]
    rules.unlink()
    disk.write_whole(into / "mine.mock.yaml", "rules: [{when: {input: hi}, reply: ok}]\n")
    disk.write_whole(into / name, other)
    disk.write_whole(into / renewed, other)
    stale = [each.name for each in besides.stale([into], [], [into / "mine.mock.yaml"])]
    assert renewed in stale
    assert name not in stale  # called like one of ours, but it is not what its name says


def test_the_same_request_answers_in_recorded_order(upstream: Served, tmp_path: Path) -> None:
    """Each once; then a miss, the last again, or all over again."""
    into = tmp_path / "recordings"
    with recording(upstream, into) as served:
        answers = [served.post({"model": "gpt-5", "input": "twice"})[2] for _ in range(2)]
        served.end()
    assert ["first" in answers[0], "second" in answers[1]] == [True, True]
    expected = {"miss": [*answers, 404], "repeat": [*answers, answers[1]], "cycle": [*answers, answers[0]]}
    for exhausted, wanted in expected.items():
        with replaying(into, "--exhausted", exhausted) as served:
            found = [served.post({"model": "gpt-5", "input": "twice"}) for _ in range(3)]
            assert [body if status == 200 else status for status, _, body in found] == wanted


def test_offsets_are_kept(upstream: Served, tmp_path: Path) -> None:
    """A replayed stream takes its time as the recorded one did."""
    into = tmp_path / "recordings"
    body = {"model": "gpt-5", "input": "slowly", "stream": True}
    with recording(upstream, into) as served:
        first = served.post(body)[2]
        served.end()
    [exact] = [content for name, content in files(into).items() if name.endswith(".sse")]
    offsets = [float(line.split()[1]) for line in exact.decode().splitlines() if line.startswith("@ ")]
    assert offsets == sorted(offsets)
    assert offsets[-1] - offsets[0] > 150
    with replaying(into) as served:
        assert served.post(body)[2] == first
        log = json.loads(_log(served))
        assert log["planned_ms"] == pytest.approx(offsets, abs=0.001)


def _log(served: Served) -> str:
    """Return the newest exchange as the control application tells it."""
    import http.client
    from urllib.parse import urlsplit

    place = urlsplit(served.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
    connection.request("GET", "/_mock/requests")
    found = json.loads(connection.getresponse().read())
    connection.close()
    return json.dumps(found["requests"][-1])


def test_a_client_that_leaves_before_any_answer_leaves_nothing_to_record(upstream: Served, tmp_path: Path) -> None:
    """That is no failure, and keeps no new set from taking the old one's place."""
    into = tmp_path / "recordings"

    def slow(heard: Heard, wire: Wire) -> None:
        if b"after" in heard.body:
            wire.answer()
        else:
            wire.wait_for_the_end()

    with recording(upstream, into) as recorder:
        recorder.ask("before")
        recorder.end()
    with Misbehaving(slow) as still:
        target = ("--upstream", f"{still.url}/v1", "--into", str(into), "--mode", "rewrite")
        with serving(*target, verb="record") as recorder:
            with pytest.raises(openai.APITimeoutError):
                client(recorder, max_retries=0, timeout=0.3).responses.create(model="gpt-5", input="too slow")
            recorder.ask("after")
            assert recorder.end() == 0
    assert "nothing to record, POST /v1/responses: the client left before any answer" in recorder.err
    assert [path.name for path in into.glob("*.mock.yaml")] == ["after.mock.yaml"]


def test_a_header_that_is_never_kept_is_no_secret_that_was_replaced(upstream: Served, tmp_path: Path) -> None:
    """Every answer of the API names an organisation; what is told is what a reviewer finds a placeholder of."""
    with recording(upstream, tmp_path / "recordings") as recorder:
        recorder.ask("nothing to hide")
        recorder.ask(f"my key is {SECRET}")
        recorder.end()
    assert "2 recorded, 2 secrets replaced" in recorder.err  # in the question, and in the answer that repeats it


def test_errors_are_recorded_as_errors(upstream: Served, tmp_path: Path) -> None:
    """With the headers that clients wait by."""
    into = tmp_path / "recordings"
    with recording(upstream, into) as served:
        told = served.post({"model": "gpt-5", "input": "limit"})
        served.end()
    [rule] = listed(files(into)["limit.mock.yaml"].decode())
    assert rule["reply"]["error"]["status"] == 429
    with replaying(into) as served:
        again = served.post({"model": "gpt-5", "input": "limit"})
    assert (again[0], again[2]) == (told[0], told[2])
    assert again[1]["retry-after-ms"] == told[1]["retry-after-ms"]


def test_modes(upstream: Served, tmp_path: Path) -> None:
    """What each mode does with a second run."""
    into = tmp_path / "recordings"

    def ask(mode: str, *texts: str) -> tuple[int, list[int], str]:
        with recording(upstream, into, "--mode", mode) as served:
            found = [served.post({"model": "gpt-5", "input": text})[0] for text in texts]
            code = served.end()
        return code, found, served.err

    assert ask("once", "one", "two")[:2] == (0, [200, 200])
    before = files(into)
    assert sorted(before) == ["one.1.json", "one.mock.yaml", "two.1.json", "two.mock.yaml"]
    code, found, err = ask("once", "one", "three")
    assert (code, found) == (0, [200, 404])
    assert "nothing goes to" in err
    assert files(into) == before
    assert ask("new", "one", "three")[:2] == (0, [200, 200])
    assert sorted(files(into)) == [*sorted(before)[:2], "three.1.json", "three.mock.yaml", *sorted(before)[2:]]
    assert before.items() <= files(into).items()
    assert ask("all", "one")[:2] == (0, [200])
    assert len(listed(files(into)["one.mock.yaml"].decode())) == 2
    assert ask("rewrite", "four")[:2] == (0, [200])
    assert sorted(files(into)) == ["four.1.json", "four.mock.yaml"]


def test_what_a_killed_recorder_leaves_is_whole(upstream: Served, tmp_path: Path) -> None:
    """Every file on the disk can be replayed; a set that was to be replaced stands as before."""
    into = tmp_path / "recordings"
    with recording(upstream, into) as served:
        for number in range(5):
            served.post({"model": "gpt-5", "input": f"number {number}"})
        served.process.kill()
    rules = read_rules(sorted(into.glob("*.mock.yaml")))
    assert [str(problem) for problem in rules.problems] == []
    kept = files(into)
    with recording(upstream, into, "--mode", "rewrite") as served:
        served.post({"model": "gpt-5", "input": "another"})
        served.process.kill()
    assert files(into) == kept


def test_several_recorders_in_one_folder(upstream: Served, tmp_path: Path) -> None:
    """Eight clients at two recorders: every exchange is written once and whole."""
    into = tmp_path / "recordings"
    with recording(upstream, into, "--mode", "all") as one, recording(upstream, into, "--mode", "all") as other:

        def ask(served: Served, name: int) -> None:
            for number in range(5):
                assert (
                    served.post({"model": "gpt-5", "input": "same words", "metadata": {"n": f"{name} {number}"}})[0]
                    == 200
                )

        threads = [threading.Thread(target=ask, args=((one, other)[name % 2], name)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [one.end(), other.end()] == [0, 0]
    rules = [rule for path in into.glob("*.mock.yaml") for rule in listed(path.read_text())]
    assert len({rule["request"]["body"]["metadata"]["n"] for rule in rules}) == len(rules) == 40
    assert len({rule["name"] for rule in rules}) == 40
    assert run("check", str(into)) == 0


def test_a_folder_that_cannot_be_written(upstream: Served, tmp_path: Path) -> None:
    """The client has its answer; the failure is told, and again at the end, with exit code 1."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with recording(upstream, blocked / "recordings") as served:
        assert served.post({"model": "gpt-5", "input": "hello"})[0] == 200
        assert served.end() == 1
    assert "NOT recorded" in served.err
    assert "blocked" in served.err


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes cannot be limited there")
def test_a_disk_that_is_full(upstream: Served, tmp_path: Path) -> None:
    """Files may not grow beyond two kilobytes: the client has its answer, nothing half written is left, the rest goes on."""
    into = tmp_path / "recordings"
    limited = ["bash", "-c", 'ulimit -f 2 && exec "$0" "$@"', *COMMAND]
    path = environment().get("PYTHONPATH", "")
    with serving(
        "--upstream", upstream.url, "--into", str(into), verb="record", command=limited, PYTHONPATH=path
    ) as served:
        assert served.post({"model": "gpt-5", "input": "x" * 5000})[0] == 200
        assert served.post({"model": "gpt-5", "input": "limit"})[0] == 429
        assert served.end() == 1
    assert served.err.count("NOT recorded, POST") == 2, "once when it happens, once at the end"
    assert "recordings: File too large" in served.err
    assert sorted(files(into)) == ["limit.mock.yaml"]


def test_an_unreadable_recording_is_never_overwritten(upstream: Served, tmp_path: Path) -> None:
    """It is an error to replay, with its line; a recorder leaves it as it is."""
    into = tmp_path / "recordings"
    into.mkdir()
    (into / "hello.mock.yaml").write_text("rules:\n  - nme: x\n")
    done = _typed("replay", str(into))
    assert done.returncode == 2
    assert "hello.mock.yaml:2:5" in done.stderr
    with recording(upstream, into, "--mode", "all") as served:
        assert served.post({"model": "gpt-5", "input": "hello"})[0] == 200
        assert served.end() == 0
    assert (into / "hello.mock.yaml").read_text() == "rules:\n  - nme: x\n"
    assert sorted(files(into)) == ["hello-2.1.json", "hello-2.mock.yaml", "hello.mock.yaml"]


def _typed(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *args], capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False
    )


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--into", "x"], "Write --upstream URL"),
        (["--upstream", "http://127.0.0.1:1/v1"], "--into"),
        (["--upstream", "http://127.0.0.1:1/v1", "--into", "x", "--mode", "onse"], "did you mean once"),
        (["--upstream", "http://127.0.0.1:1/v1", "--into", "x", "--mode", "none"], "mockserver replay"),
        (["--upstream", "http://127.0.0.1:1/v1", "--into", "x", "--mask", "datte"], "did you mean `date`"),
        (["--upstream", "http://127.0.0.1:1/v1", "--into", "x", "--ignore", "metadata"], "--ignore"),
        (["--upstream", "127.0.0.1:1", "--into", "x"], "--upstream"),
    ],
)
def test_used_wrongly(tmp_path: Path, args: list[str], told: str) -> None:
    """One clear message and exit code 2."""
    done = subprocess.run(
        [*COMMAND, "record", *args], capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_nobody_there(tmp_path: Path) -> None:
    """An upstream that refuses: the client is told so in the provider's shape, and the recording says how it ended."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with serving("--upstream", url, "--into", str(tmp_path / "r"), verb="record") as served:
            status, _, body = served.post({"model": "gpt-5", "input": "hello"})
            served.end()
    assert status == 502
    assert "refused" in json.loads(body)["error"]["message"]
    [rule] = listed((tmp_path / "r" / "hello.mock.yaml").read_text())
    assert rule["recorded"]["end"] == "unreachable"
    assert "refused" in rule["recorded"]["why"]


def test_masks_of_the_command_line_stand_in_new_files(upstream: Served, tmp_path: Path) -> None:
    """And count when it is replayed."""
    into = tmp_path / "recordings"
    with recording(upstream, into, "--mask", "date", "--ignore", "$.metadata.run") as served:
        served.post({"model": "gpt-5", "input": "on 2026-01-01", "metadata": {"run": "1"}})
        served.end()
    with replaying(into) as served:
        assert served.post({"model": "gpt-5", "input": "on 2031-12-24", "metadata": {"run": "2"}})[0] == 200


def test_a_session_prefix_and_the_interrupt_key(upstream: Served, tmp_path: Path) -> None:
    """What is recorded by way of a session is recorded all the same; ctrl-c ends it cleanly."""
    into = tmp_path / "recordings"
    with recording(upstream, into) as served:
        place = Served(served.process, served.url.replace("/v1", "/s/one/v1"))
        assert place.post({"model": "gpt-5", "input": "hello"})[0] == 200
        assert served.end(signal.SIGINT) == 0
    assert [rule["name"] for rule in listed(files(into)["hello.mock.yaml"].decode())] == ["hello 1"]
    assert os.listdir(into)


def test_an_age_limit_is_told_and_ends_a_replay_in_ci(upstream: Served, tmp_path: Path) -> None:
    """As the `recordings.yaml` of the folder says."""
    into = tmp_path / "recordings"
    with recording(upstream, into) as served:
        served.post({"model": "gpt-5", "input": "hello"})
        served.end()
    rules = into / "hello.mock.yaml"
    rules.write_text(re.sub(r"at: '\d{4}", "at: '2020", rules.read_text()))
    (into / "recordings.yaml").write_text("max_age: 12w\n")
    with serving(str(into), verb="replay", CI="") as served:
        assert served.post({"model": "gpt-5", "input": "hello"})[0] == 200
        served.end()
    assert "it may be 84 days" in served.err
    done = subprocess.run(
        [*COMMAND, "replay", str(into)], capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**environment(), "CI": "true"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "it may be 84 days" in done.stderr
