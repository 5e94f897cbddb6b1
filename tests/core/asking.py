"""An engine made of rule-file text, asked at a time of the test's own: what comes back, without any server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from mockserver.adapters.disk import load_dialect
from mockserver.core.engine import Engine, Play
from mockserver.core.messages import Request
from mockserver.core.options import Options
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import RuleBook
from mockserver.core.sse import decode
from mockserver.core.timeline import Chunk, Head

NOW: Final = 1_700_000_000.0
CREATE: Final = "/v1/responses"


def engine(text: str, dialect: str = "standard", **options: Any) -> Engine:
    """Return an engine that answers by this rule file, which must have no mistakes."""
    file = parse(text, "a.mock.yaml")
    assert file.problems == ()
    book = RuleBook(file.rules, [file.otherwise] if file.otherwise else ())
    return Engine(book, load_dialect(dialect), Options(**options), limits=file.limits, auth_keys=file.auth)


class Answered:
    """One answer, taken apart."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.steps = play.timeline.steps
        head = next((step for step in self.steps if isinstance(step, Head)), Head(0, 0, ()))
        self.status = head.status  # 0: nothing is sent at all
        self.headers = {name.decode(): value.decode() for name, value in (*head.headers, *head.shared)}
        self.body = b"".join(step.data for step in self.steps if isinstance(step, Chunk))

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def events(self) -> list[Any]:
        return [orjson.loads(frame.data or "") for frame in decode(self.body)]

    @property
    def text(self) -> str:
        """The text of a JSON answer's messages, or the error's code."""
        found = self.json
        if "output" not in found:
            return str(found["error"]["code"] or found["error"]["message"])
        parts = (part for item in found["output"] for part in item.get("content") or ())
        return "".join(part.get("text", "") for part in parts)

    @property
    def end(self) -> float:
        """When the last step is due, in milliseconds."""
        return self.steps[-1].at


def ask(
    answering: Engine,
    said: Any = "hi",
    *,
    now: float = NOW,
    method: str = "POST",
    path: str = CREATE,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    session: str = "default",
    **fields: Any,
) -> Answered:
    """Ask; `said` is the input, and `fields` are the rest of the body."""
    body = {"model": "gpt-5", **({} if said is None else {"input": said}), **fields}
    sent = {"content-type": "application/json", **(headers or {})}
    request = Request(method, path, headers=sent, query=query or {}, body=orjson.dumps(body), session=session)
    play = answering.answer(request, now)
    assert isinstance(play, Play)
    return Answered(play)
