"""A request as it was asked: typed, immutable, read from its bytes when first looked at.

This room decides what the parts of a request are called in Python and how it prints. It must not know what became of it,
servers or assertions. It is also what a function that makes a reply is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mockserver.core import endpoints
from mockserver.core.conversation import output_text
from mockserver.core.messages import ABSENT, Request
from mockserver.core.rules import target_values
from mockserver.core.rules.showing import show
from mockserver.testing import redaction
from mockserver.testing.frozen import freeze

History = Callable[[str], Sequence[Mapping[str, Any]]]
"""From the id of a response to the items stored of its chain, oldest first."""

SHOWN: Final = 60
"""Characters of a text in a request's `repr`."""


class ToolOutput(NamedTuple):
    """What the app gave back for a call: the name of its tool (None when the call is unknown) and the output's text."""

    name: str | None
    output: str
    call_id: str


class Headers(Mapping[str, str]):
    """Request headers; the case of a name does not matter. Secrets are masked when printed, not when asked for by name."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self._values) == {str(name).lower(): value for name, value in other.items()}

    __hash__ = None  # type: ignore[assignment]  # like any mapping's

    def __repr__(self) -> str:
        return repr({name: redaction.header(name, value) for name, value in self._values.items()})


class AskedRequest:
    """One request. Nothing of it can be changed; the JSON in it compares like plain dicts and lists.

    `history` gives what is stored of the chain that the request continues.
    """

    __slots__ = ("_history", "_kept", "_request")

    _history: History | None
    _kept: dict[str, Any]
    _request: Request

    def __init__(self, request: Request, history: History | None = None) -> None:
        self._fix(_request=request, _history=history, _kept={})

    def _fix(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        __tracebackhide__ = True
        raise AttributeError("a received request cannot be changed")

    def __delattr__(self, name: str) -> None:
        __tracebackhide__ = True
        raise AttributeError("a received request cannot be changed")

    def __repr__(self) -> str:
        return f"<request {self._words}>"

    @property
    def _words(self) -> str:
        words = [self.method, show(self.path, 80)[1:-1]]
        if endpoints.is_create(self._request):
            words += [show(self.model, SHOWN)[1:-1]] if self.model else []
            if self.input_text is not None:
                words.append(show(self.input_text, SHOWN))
            else:
                words += [f"{name or 'tool'}={show(text, SHOWN)}" for name, text, _ in self.tool_outputs]
        return " ".join(words)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self._request.method

    @property
    def path(self) -> str:
        """The path, without the session's prefix and the query: `/v1/responses`."""
        return self._request.path

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query."""
        return dict(self._request.query)

    @property
    def headers(self) -> Headers:
        """The headers; the case of their names does not matter."""
        return Headers(self._request.headers)

    @property
    def content(self) -> bytes:
        """The body as it came."""
        return self._request.body

    @property
    def body(self) -> Any:
        """The body as JSON; as text where it is none, None where there is none."""
        return self._once("body", self._read_body)

    @property
    def model(self) -> str | None:
        """The model's name."""
        return self._text("model")

    @property
    def instructions(self) -> str | None:
        """The instructions."""
        return self._text("instructions")

    @property
    def input_text(self) -> str | None:
        """What the user just said: the last user message of this request; None right after a tool output."""
        return self.placed.conversation.said

    @property
    def user_text(self) -> str | None:
        """The newest user message, wherever it stands, the stored chain included."""
        return self.placed.conversation.user

    @property
    def transcript(self) -> str:
        """All text of messages and tool outputs, one a line, the stored chain first."""
        return self.placed.conversation.transcript

    @property
    def turn(self) -> int:
        """1, plus one for every time the model has had its say."""
        return self.placed.conversation.turn

    @property
    def tools(self) -> list[str]:
        """The names of the tools that the model may call: `name`, else `server_label`, else `type`."""
        found = target_values.tools(self._request)
        names: list[str] = freeze([] if found is ABSENT else found)
        return names

    @property
    def tool_outputs(self) -> tuple[ToolOutput, ...]:
        """What the app newly gives back for calls, in order."""
        talk = self.placed.conversation
        return tuple(
            ToolOutput(talk.call_name(item.get("call_id")), output_text(item), str(item.get("call_id", "")))
            for item in talk.tail_outputs
        )

    @property
    def stream(self) -> bool:
        """Whether a stream is asked for."""
        return self._request.stream

    @property
    def previous_response_id(self) -> str | None:
        """The id of the response that is continued."""
        return self._text("previous_response_id")

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The request's `metadata`, {} where there is none."""
        found = self._request.fields.get("metadata")
        metadata: Mapping[str, Any] = freeze(found if isinstance(found, dict) else {})
        return metadata

    @property
    def session(self) -> str:
        """The name of its session."""
        return self._request.session

    # --- for snapshots

    def to_yaml(self, *, headers: Iterable[str] = ()) -> str:
        """Return the request as YAML that is the same in every run, secrets masked: made for snapshot libraries.

        `headers` names those to show; the others depend on the client's version.
        """
        return redaction.yaml(self.snapshot(headers=headers))

    def snapshot(self, *, headers: Iterable[str] = ()) -> dict[str, Any]:
        """Return the same as a plain dict."""
        made: dict[str, Any] = {"method": self.method, "path": self.path}
        if self._request.query:
            made["query"] = {name: redaction.header(name, value) for name, value in self._request.query.items()}
        wanted = {name.lower() for name in headers}
        if wanted:
            chosen = sorted(wanted & self._request.headers.keys())
            made["headers"] = {name: redaction.header(name, self._request.headers[name]) for name in chosen}
        if self._request.body:
            made["body"] = redaction.redacted(self.body)
        return made

    @property
    def placed(self) -> Request:
        """The request after its stored chain."""
        placed: Request = self._once("placed", self._place)
        return placed

    def _place(self) -> Request:
        previous = self.previous_response_id
        chain = self._history(previous) if self._history is not None and previous is not None else ()
        return self._request.following(chain) if chain else self._request

    def _read_body(self) -> Any:
        found = self._request.json
        return freeze(found) if found is not ABSENT else (self.content.decode("utf-8", "replace") or None)

    def _text(self, name: str) -> str | None:
        found = self._request.fields.get(name)
        return found if isinstance(found, str) else None

    def _once(self, name: str, read: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = read()
        return self._kept[name]
