"""Everything at once: rules from disk, the real engine, a real socket, a real client."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import openai
import pytest

from mockserver.adapters import disk
from mockserver.adapters.asgi import MAX_BODY, App
from mockserver.adapters.clock import SystemClock
from mockserver.adapters.control import control
from mockserver.adapters.server import Server, bind
from mockserver.adapters.watch import Watch
from mockserver.core.engine import Engine
from mockserver.core.options import Options
from tests.adapters.doubles import Peer, call
from tests.adapters.test_disk import write
from tests.adapters.test_wire import settled

Serving = Callable[..., tuple[str, Engine]]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """Serve the text of a rule file, watched; gives the URL and the engine."""
    with ExitStack() as stack:

        def start(text: str, options: Options | None = None, max_body: int = MAX_BODY) -> tuple[str, Engine]:
            write(tmp_path, rules=text)
            rules = disk.load_rules([tmp_path])
            engine = Engine(rules.book, disk.load_dialect("standard"), options, limits=rules.limits)
            watch = Watch(engine, [tmp_path], rules, lambda _: None, interval=0.01, settle=0.01)
            inner = control(engine, background=[watch.run])
            app = App(engine, SystemClock(frozen=1_700_000_000), control=inner, max_body=max_body)
            server = stack.enter_context(Server(app, bind(), grace=0.1))
            return server.url, engine

        yield start


def body(text: str, **more: object) -> bytes:
    return json.dumps({"model": "m", "input": text, **more}).encode()


def test_the_official_client_gets_an_answer_and_a_stream(serving: Serving) -> None:
    url, _ = serving("otherwise: {text: one two three, timing: {first: 5ms, every: 2ms}}\n")
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any") as client:
        assert client.responses.create(model="m", input="x").output_text == "one two three"
        with client.responses.stream(model="m", input="x") as stream:
            assert [event.type for event in stream][-1] == "response.completed"
            assert stream.get_final_response().output_text == "one two three"


@pytest.mark.parametrize(("fault", "error"), [("reset", ConnectionResetError), ("cut", None)])
def test_a_fault_strikes_after_what_was_promised(
    serving: Serving, fault: str, error: type[ConnectionResetError] | None
) -> None:
    """Three deltas reach the client, the fourth never does."""
    url, engine = serving(
        f"otherwise: {{text: one two three four five, faults: [{{{fault}: {{after: {{deltas: 3}}}}}}]}}\n"
    )
    for _ in range(20):
        with Peer(url) as peer:
            peer.post(body("x", stream=True))
            if error is None:
                assert not peer.rest().endswith(b"0\r\n\r\n")
            else:
                with pytest.raises(error):
                    peer.rest()
                assert peer.held.count(b"event: response.output_text.delta") == 3
    journal = engine.sessions.find("default").journal
    assert settled(lambda: all(entry.ending for entry in journal.entries()))
    assert {entry.ending.end for entry in journal.entries() if entry.ending} == {fault}


async def test_claims_are_exact_under_64_clients(serving: Serving) -> None:
    """64 clients, 100 uses: exactly 100 get them, each session for itself."""
    rules = "rules:\n  - replies: [{text: taken, times: 100}]\n    exhausted: miss\n"
    url, _ = serving(rules)
    host, port = url.removeprefix("http://").split(":")
    found: Counter[tuple[str, int]] = Counter()

    async def client(session: str) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        content = body("x")
        for _ in range(5):
            head = f"POST /s/{session}/v1/responses HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            writer.write(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next(line for line in answer.split("\r\n") if line.startswith("content-length: "))
            await reader.readexactly(int(length.split()[1]))
            found[session, int(answer.split()[1])] += 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client(session) for session in ("a", "b") for _ in range(32)))
    assert found == {("a", 200): 100, ("a", 404): 60, ("b", 200): 100, ("b", 404): 60}


def test_bad_requests_are_clear_4xx_and_the_server_goes_on(serving: Serving) -> None:
    url, _ = serving("otherwise: {text: ok}\n", max_body=1_000_000)
    for content, status in [
        (b"{nope", 400),
        (b"", 400),
        (b"null", 400),
        (b"[1]", 400),
        (b"\xff\xfe{}", 400),
        (b'{"model": NaN}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (b"x" * 1_000_001, 413),
    ]:
        found, headers, answer = call(url, body=content)
        assert found == status, content[:20]
        assert headers["content-type"].startswith("application/json")
        assert json.loads(answer)["error"]["message"]
    assert call(url, body=body("fine"))[0] == 200
    assert call(url, "GET")[0] == 405
    assert call(url, "GET", "/nowhere")[0] == 404


def test_an_edit_is_served_without_a_restart(serving: Serving, tmp_path: Path) -> None:
    url, _ = serving("otherwise: {text: before}\n")
    assert b"before" in call(url, body=body("x"))[2]
    write(tmp_path, rules="otherwise: {text: after}\n")
    assert settled(lambda: b"after" in call(url, body=body("x"))[2])
    write(tmp_path, rules="otherwise: {txet: broken}\n")
    assert not settled(lambda: b"after" not in call(url, body=body("x"))[2], 0.2)


def test_two_servers_send_the_same_bytes_whatever_the_order(serving: Serving) -> None:
    """Same rules, requests, seed and clock: heads and bodies alike, to the byte."""

    def heard(url: str, texts: str) -> dict[str, bytes]:
        answers = {}
        for text in texts:
            with Peer(url) as peer:
                peer.post(body(text, stream=text in "ab"), extra=b"connection: close\r\n")
                answers[text] = peer.rest()
        return answers

    rules = "otherwise: {text: one two}\n"
    first, second = heard(serving(rules)[0], "abcd"), heard(serving(rules)[0], "dcab")
    assert first.keys() == second.keys()
    for text in "abcd":
        assert first[text] == second[text]
    assert len(set(first.values())) == 4


def test_hundreds_of_mixed_requests_leave_nothing_behind(serving: Serving) -> None:
    url, engine = serving("otherwise: {text: ok}\n", Options(journal=10))
    with Peer(url) as peer:
        for number in range(300):
            peer.post((b"{nope", body("x"), body("y", nonsense=1))[number % 3])
            assert peer.answer()[0] == (400, 200, 400)[number % 3]
    assert len(list(engine.sessions.find("default").journal.entries())) == 10
