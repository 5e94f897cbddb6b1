"""What was seen to go wrong in tools of this kind, and must not here."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.live import Live, serving

RULES = """
rules:
  - {name: first, when: {input: next}, replies: [{text: first}, {text: second}], exhausted: miss}
  - {name: start, when: {input: step, state: {at: {exists: false}}}, reply: {text: "0", set_state: {at: "1"}}}
  - {name: one, when: {input: step, state: {at: "1"}}, reply: {text: "1", set_state: {at: "2"}}}
  - {name: two, when: {input: step, state: {at: "2"}}, reply: {text: "2", set_state: {at: "1"}}}
  - {when: {input: whole}, reply: {text: one two three four five, faults: [{cut: {after: {deltas: 3}}}]}}
  - {when: {body: {$.prompt.id: pmpt_1}}, reply: {text: from a prompt}}
  - {when: {input: known}, reply: {text: hi}}
"""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    file = tmp_path / "a.mock.yaml"
    file.write_text(RULES, encoding="utf-8")
    with serving(file) as live:
        yield live


def ask(live: Live, session: str = "default", **body: object) -> httpx2.Response:
    return httpx2.post(f"{live.session_url(session)}/responses", json={"model": "gpt-5", **body})


def text(answer: httpx2.Response) -> str:
    found: str = answer.json()["output"][0]["content"][0]["text"]
    return found


def test_probes_take_no_answer_away(live: Live) -> None:
    """Whoever waits for the server to be ready, by whatever path, uses up nothing."""
    for method, path in [
        ("GET", "/_mock/health"), ("GET", "/"), ("HEAD", "/"), ("GET", "/v1/models"), ("GET", "/v1/responses"),
        ("OPTIONS", "/v1/responses"), ("HEAD", "/v1/responses"), ("GET", "/healthz"),
    ]:  # fmt: skip
        httpx2.request(method, live.url + path)
    assert [text(ask(live, input="next")) for _ in range(2)] == ["first", "second"]


def test_a_prompt_needs_no_input(live: Live) -> None:
    assert text(ask(live, prompt={"id": "pmpt_1"})) == "from a prompt"


def test_several_mistakes_are_told_briefly_and_once(live: Live) -> None:
    """In the provider's shape, without a message for each branch of a union."""
    bad: Any = {
        "input": [{"type": "message", "role": "usr", "content": [{"type": "input_txt"}]}],
        "tools": [{"type": "functoin"}],
        "temperature": "hot",
    }
    answer = ask(live, **bad)
    assert answer.status_code == 400
    assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
    assert answer.json()["error"]["param"] == "input[0].role"
    assert len(answer.content) < 500


def test_a_numeric_model_is_refused_where_it_is(live: Live) -> None:
    error = ask(live, model=5, input="known").json()["error"]
    assert (error["param"], error["code"]) == ("model", "invalid_type")


def test_a_miss_is_no_200_and_says_why_without_any_log(live: Live) -> None:
    answer = ask(live, input="knwon")
    assert answer.status_code == 404
    assert 'input: expected "known", found "knwon"' in answer.json()["error"]["message"]
    [entry] = live.engine.sessions.find("default").journal.entries()
    assert "fix: add a rule" in entry.exchange.miss


def test_state_never_races(live: Live) -> None:
    """Twenty clients walk a circle of states: every step finds its rule, in each of two sessions for itself."""

    async def walk() -> list[tuple[str, str]]:
        async with httpx2.AsyncClient(verify=False, limits=httpx2.Limits(max_connections=20), timeout=30) as client:

            async def step(name: str) -> tuple[str, str]:
                answer = await client.post(f"{live.session_url(name)}/responses", json={"model": "m", "input": "step"})
                return name, text(answer)

            return list(await asyncio.gather(*(step(name) for _ in range(101) for name in ("a", "b"))))

    told = Counter(asyncio.run(walk()))
    assert told == {(name, at): count for name in ("a", "b") for at, count in (("0", 1), ("1", 50), ("2", 50))}


def test_a_cut_after_deltas_delivers_exactly_those_at_any_pace(live: Live) -> None:
    for _ in range(10):
        got = b""
        body = {"model": "m", "input": "whole", "stream": True}
        with (
            contextlib.suppress(httpx2.RemoteProtocolError),
            httpx2.stream("POST", f"{live.base_url}/responses", json=body) as answer,
        ):
            for piece in answer.iter_bytes():
                got += piece
        frames = [json.loads(line[6:]) for line in got.decode().splitlines() if line.startswith("data: ")]
        assert "".join(frame.get("delta", "") for frame in frames) == "one two three"
