"""What is sent again: recorded requests in an order that keeps what they rest on, with the ids that hold now.

This room decides which recordings belong together, how ids of recorded answers become those of new ones, and which request
must not be sent. It must not know how a request is sent, nor how answers are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from mockserver.core.messages import Json
from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.drift.comparison import hindrance
from mockserver.core.recordings.drift.eventorder import events_of
from mockserver.core.reply import Error, Exact, Http, Reply
from mockserver.core.rulefiles.recordingform import Recording

_PLACEHOLDER: Final = re.compile(rb"<redacted:[^<>\s]*>")
_ID_KEYS: Final = ("id", "call_id")
_JSON: Final = ("content-type", "application/json")

_LEAST_ID: Final = 6
"""Shorter texts are no ids: `call_1` is the shortest that authors write."""


@dataclass(frozen=True, slots=True)
class Resend:
    """One recorded exchange, to be sent again. `why_not` says why it cannot be, as far as the recording alone tells.

    `edited` says that somebody has changed the readable reply since; compared is what was recorded.
    """

    name: str
    file: str
    line: int
    capture: Capture
    why_not: str = ""
    edited: bool = False


def resend_of(recording: Recording, reply: Reply) -> Resend:
    """Return a recording with the answer that was recorded; `reply` is what its rule answers.

    The exact bytes tell that, or a reply that gives a whole body; a readable one leaves open what the API sent besides.
    """
    file, _, line = recording.place.rpartition(":")
    sent, noted = recording.sent, recording.recorded
    status, pairs, why = 0, reply.headers, ""
    pieces: tuple[Piece, ...] = ()
    match recording.answer or reply.kind:
        case Exact() as exact:
            status, pairs, pieces = exact.status, exact.headers, exact.pieces
        case Error() as error:
            status, pairs = error.status, (_JSON, *error.headers, *pairs)
            pieces = (Piece(0.0, orjson.dumps(error.body)),)
        case Http() as http:
            status, pairs, pieces = http.status, (*http.headers, *pairs), (Piece(0.0, http.body),)
        case _:
            why = "it has no exact bytes, and a readable reply does not tell all that the API sent"
    headers = tuple((name.lower(), value) for name, value in pairs)
    capture = Capture(
        sent.method,
        sent.path,
        status,
        headers,
        pieces,
        sent.query,
        request_body=sent.body,
        end=noted.end,
        why=noted.why,
        arrived=noted.at or 0.0,
        upstream=noted.upstream,
    )
    return Resend(recording.name, file, int(line) if line.isdigit() else 0, capture, why, recording.edited)


def unsendable(resend: Resend) -> str:
    """Return why a recording is not sent whatever the others say, "" where it is."""
    why = resend.why_not or hindrance(resend.capture)
    if why:
        return why
    found = _PLACEHOLDER.search(_request_text(resend.capture))
    return f"the request holds {found[0].decode()}, a secret that was taken out when it was recorded" if found else ""


def ids_of(capture: Capture) -> Mapping[tuple[str, int], str]:
    """Return the ids that an answer gave out, by what each stands for: the kind of thing and its number among these."""
    found: dict[tuple[str, int], str] = {}
    counts: dict[str, int] = {}

    def note(kind: str, value: Json) -> None:
        number = counts.get(kind, 0)
        if isinstance(value, str) and len(value) >= _LEAST_ID:
            found[kind, number] = value
        counts[kind] = number + 1

    for body in _answers(capture):
        if body.get("object") != "model":  # the one id that is a name
            note(str(body.get("object", "")), body.get("id"))
        conversation = body.get("conversation")
        note("conversation", conversation.get("id") if isinstance(conversation, dict) else conversation)
        output = body.get("output")
        for item in output if isinstance(output, list) else ():
            if isinstance(item, dict):
                for key in _ID_KEYS:
                    note(f"{item.get('type', '')} {key}", item.get(key))
    return found


def _answers(capture: Capture) -> Iterator[Mapping[str, Json]]:
    """Yield the object that an answer gave: of a stream, its last response with the items that were done."""
    if not capture.is_stream:
        try:
            body = orjson.loads(capture.body)
        except orjson.JSONDecodeError:
            return
        if isinstance(body, dict):
            yield body
        return
    last: Mapping[str, Json] = {}
    items = []
    for event in events_of(capture.body):
        response = event.data.get("response")
        if isinstance(response, dict):
            last = response
        if event.type == "response.output_item.done":
            items.append(event.data.get("item"))
    if last:
        yield {**last, "output": items or last.get("output")}


def strands(resends: Sequence[Resend]) -> list[list[int]]:
    """Return the numbers of the recordings in groups that do not rest on each other, each in the order to be sent.

    Recordings of one file stay together in their order; files are joined where a request of one names an id that an
    answer of the other gave out.
    """
    owners: dict[bytes, int] = {}
    for number, resend in enumerate(resends):
        for value in ids_of(resend.capture).values():
            owners.setdefault(value.encode("utf-8", "replace"), number)
    before = [_before(number, resends, owners) for number in range(len(resends))]
    group = list(range(len(resends)))

    def root(number: int) -> int:
        while group[number] != number:
            group[number] = group[group[number]]
            number = group[number]
        return number

    for number, others in enumerate(before):
        for other in others:
            low, high = sorted((root(number), root(other)))
            group[high] = low
    found: dict[int, list[int]] = {}
    for number in range(len(resends)):
        found.setdefault(root(number), []).append(number)
    return [_ordered(strand, before) for strand in found.values()]


_NAMES: Final = re.compile(rb"[A-Za-z0-9_.:-]{%d,}" % _LEAST_ID)


def _before(number: int, resends: Sequence[Resend], owners: Mapping[bytes, int]) -> set[int]:
    """Return which recordings must be sent before this one."""
    resend = resends[number]
    found = {owners[word] for word in _NAMES.findall(_request_text(resend.capture)) if word in owners} - {number}
    earlier = [other for other in range(number) if resends[other].file == resend.file]
    return found | set(earlier[-1:])


def _request_text(capture: Capture) -> bytes:
    return b"\n".join(
        [capture.path.encode(), *(value.encode() for value in capture.query.values()), capture.request_body]
    )


def _ordered(strand: Sequence[int], before: Sequence[set[int]]) -> list[int]:
    """Return the numbers so that each follows what it rests on; in a ring, the first goes first."""
    waiting, done = list(strand), []
    while waiting:
        number = next((each for each in waiting if not before[each] & set(waiting)), waiting[0])
        waiting.remove(number)
        done.append(number)
    return done


def _needed(capture: Capture) -> Iterator[str]:
    """Yield what a request names of what the upstream has stored."""
    yield from capture.path.split("/")
    yield from capture.query.values()
    try:
        body = orjson.loads(capture.request_body)
    except orjson.JSONDecodeError:
        return
    if not isinstance(body, dict):
        return
    for value in (body.get("previous_response_id"), body.get("conversation")):
        named = value.get("id") if isinstance(value, dict) else value
        if isinstance(named, str):
            yield named
    entries = body.get("input")
    items = [item for item in entries if isinstance(item, dict)] if isinstance(entries, list) else []
    made = {item.get("call_id") for item in items if not str(item.get("type", "")).endswith("_output")}
    for item in items:
        call = item.get("call_id")
        if isinstance(call, str) and call not in made:
            yield call
        if item.get("type") == "item_reference" or item.keys() == {"id"}:
            yield str(item.get("id"))


@dataclass(slots=True)
class Ids:
    """Which ids of recorded answers stand for which new ones, within one strand."""

    new: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    """Ids without a new one, and why."""

    def learn(self, resend: Resend, now: Capture) -> None:
        """Note the ids of a new answer in place of the recorded ones."""
        after = ids_of(now)
        for key, old in ids_of(resend.capture).items():
            if key in after:
                self.new[old] = after[key]
            else:
                self.lost[old] = f"the answer to {resend.name!r} now gives no {key[0]}"

    def lose(self, resend: Resend) -> None:
        """Note that there is no new answer."""
        for old in ids_of(resend.capture).values():
            self.lost[old] = f"{resend.name!r} before it could not be checked"

    def renewed(self, capture: Capture) -> Capture | str:
        """Return the request with the ids that hold now, or why it must not be sent."""
        for old in _needed(capture):
            if old in self.lost:
                return f"it rests on {old}, and {self.lost[old]}"
        if capture.method == "DELETE" and not any(part in self.new for part in capture.path.split("/")):
            return "it would delete something that was not made just now"
        path = "/".join(self.new.get(part, part) for part in capture.path.split("/"))
        query = {name: self.new.get(value, value) for name, value in capture.query.items()}
        return replace(capture, path=path, query=query, request_body=self._renewed_body(capture.request_body))

    def _renewed_body(self, body: bytes) -> bytes:
        """Return the body with new ids. Encrypted reasoning is bound to the ids it was made with, so items keep theirs."""
        sealed = b'"encrypted_content"' in body
        return _exchanged(
            body, {old: new for old, new in self.new.items() if not sealed or old.startswith(("resp_", "conv_"))}
        )

    def restored(self, now: Capture) -> Capture:
        """Return a new answer with the recorded ids in place of the new ones: then whatever names them still fits."""
        olds = {new: old for old, new in self.new.items()}
        if now.is_stream:  # in whole frames
            return replace(now, pieces=tuple(Piece(piece.at, _exchanged(piece.data, olds)) for piece in now.pieces))
        body = _exchanged(now.body, olds)
        return now if body == now.body else replace(now, pieces=(Piece(now.ended_at, body),))


_WHOLE: Final = re.compile(rb'"([A-Za-z0-9_.:-]{%d,})"' % _LEAST_ID)


def _exchanged(text: bytes, ids: Mapping[str, str]) -> bytes:
    """Exchange ids where they are a whole string, so that all else stays as it came."""
    if not ids:
        return text
    return _WHOLE.sub(lambda found: b'"%b"' % ids.get(name := found[1].decode(), name).encode(), text)
