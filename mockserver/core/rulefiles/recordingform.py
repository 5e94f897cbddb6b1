"""A recording as it stands in a rule file: the request as it was sent, what a recorder noted, the exact bytes beside it.

This room decides what may stand under `exact`, and when the exact bytes answer: as long as nobody has edited the readable
reply. It must not know what a request (`requestform`) or a recorder's note (`recordedform`) may say, how requests are
compared (`likeness`), what an answer looks like on the wire, or where files stand: it is handed a function that gives the
bytes of a file beside the rule file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from mockserver.core.errors import Report
from mockserver.core.headers import STREAM_TYPE
from mockserver.core.items.fields import described
from mockserver.core.messages import Json
from mockserver.core.recordings import exactfile
from mockserver.core.recordings.capture import Piece
from mockserver.core.recordings.customs import Customs, Match
from mockserver.core.recordings.likeness import Clean, Likeness, Sent, likeness
from mockserver.core.reply import Error, Exact, Http, Reply
from mockserver.core.rulefiles.forms import WRONG, Path
from mockserver.core.rulefiles.recordedform import Recorded, read_recorded
from mockserver.core.rulefiles.requestform import read_request
from mockserver.core.rules.equality import digest
from mockserver.core.timeline import INSTANT, Timing

Beside = Callable[[str], bytes]
"""Gives the content of a file beside the rule file, by its name; raises `OSError`."""

TIMED: Final = (".sse", ".chunks")
"""Suffixes of exact files that hold pieces with offsets; others hold a body in one piece."""
PLAIN: Final = (".json", ".txt", ".bin")

PLACEHOLDER: Final = b"<redacted:"
"""How a secret begins that was taken out of what is recorded."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording of a rule file: its rule's name and FILE:LINE, what was sent, what was noted.

    `reply` is the readable reply as YAML gives it; `edited` says that somebody has changed it since. `exact` is the name
    of the exact file beside the rule file, "" without one. `max_age` is how old it may be, in days, None for no limit.
    """

    name: str
    place: str
    sent: Sent
    recorded: Recorded
    reply: Json = None
    exact: str = ""
    edited: bool = False
    max_age: int | None = None
    answer: Exact | None = None
    """What the exact file says, edited or not; None without one that was read."""


def _unheard(path: Path, message: str, hint: str = "") -> None:
    """Take a warning that nobody wants to hear."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a file gives to each of its recordings. `own` is the file's own `match`, which adds to that of `customs`.

    `note` is told each usable recording, `warn` what a person should know and stops nothing.
    """

    beside: Beside | None = None
    customs: Customs = field(default_factory=Customs)
    own: Match = field(default_factory=Match)
    note: Callable[[Recording], None] = field(default_factory=lambda: lambda recording: None)
    warn: Report = _unheard

    def likeness(self, sent: Sent, *, as_asked: bool = False) -> Likeness:
        """Return the conditions of the recording of `sent`; with `as_asked` it answers in its own encoding alone."""
        own = Match(either_encoding=False).over(self.own) if as_asked else self.own
        return likeness(sent, own, self.customs.match, _cleaner(self.customs) if _is_redacted(sent) else None)

    @property
    def either_encoding(self) -> bool:
        """Whether a stream may answer a request for JSON, and the reverse."""
        return self.own.over(self.customs.match).either_encoding is True


def _is_redacted(sent: Sent) -> bool:
    return PLACEHOLDER in sent.body or any(PLACEHOLDER.decode() in each for each in (sent.path, *sent.query.values()))


_CLEANERS: Final[dict[Customs, Clean | None]] = {}


def _cleaner(customs: Customs) -> Clean | None:
    """Return what takes the secrets out of a request: one for all recordings with the same customs."""
    if customs not in _CLEANERS:
        from mockserver.core.recordings.secrets.redactor import (
            Redactor,  # imported late: most recordings hold no secret
        )

        _CLEANERS[customs] = Redactor(customs).body
    return _CLEANERS[customs]


_EXACT_NAME: Final = re.compile(r"(?![./])[^\\:\x00-\x1f]+\.(?:sse|chunks|json|txt|bin)\Z")
EXACT_SCHEMA: Final = {"type": "string", "pattern": r"\.(?:sse|chunks|json|txt|bin)$"}


def is_exact_name(name: str) -> bool:
    """Say whether an exact file may be called so: a path below the rule file's folder, with one of the known suffixes."""
    return bool(_EXACT_NAME.match(name)) and ".." not in name.split("/")


def read_exact_name(value: Json, report: Report, path: Path) -> Any:
    """Return the name of an exact file."""
    if isinstance(value, str) and is_exact_name(value):
        return value
    report(
        path,
        f"expected a file in this folder that ends in {', '.join((*TIMED, *PLAIN))}; got {described(value)}",
        "such as weather.1.sse; never absolute, no `..`",
    )
    return WRONG


class Found(NamedTuple):
    """A recording as a rule needs it."""

    reply: Reply
    likeness: Likeness


def read(
    value: Mapping[str, Any],
    called: tuple[str, str],
    replies: Sequence[tuple[Reply, int | None]],
    setting: Setting,
    report: Report,
    path: Path,
) -> Found | None:
    """Return the recording written as `value`, a whole rule `called` by a name and FILE:LINE; None where it is of no use.

    `replies` is its readable reply as read. The exact bytes answer unless that was edited; then it is the readable reply,
    as it was paced. Without a reader of files it is always that.
    """
    for key in ("replies", "turns"):
        if key in value:
            report(
                (*path, key), f"`request` goes with `reply`, not with `{key}`", "each recording answers once, in order"
            )
            return None
    sent = read_request(value["request"], report, (*path, "request"))
    noted = read_recorded(value.get("recorded"), report, (*path, "recorded"))
    if sent is WRONG or not replies:
        return None
    try:
        alike = setting.likeness(sent)
    except TypeError:
        report((*path, "request", "body"), "this is no Unicode text", "write the body as `text`, or as `base64`")
        return None
    name = str(value.get("exact", ""))
    timed = None
    if setting.beside is not None and is_exact_name(name):
        timed = _exact(name, noted, setting.beside, report, (*path, "exact"))
        if timed is None:
            return None
    edited = is_edited(value, noted) and not (setting.beside is None and "files" in value)  # else unknown
    if edited and name:
        setting.warn(
            (*path, "reply"),
            f"this reply was edited after it was recorded: it answers instead of {name}, paced as that was",
            "undo the edit to get the recorded bytes back, or remove `exact` to keep it for good",
        )
    [(reply, _)] = replies
    answer = None if timed is None else _played(timed, reply, name, noted, stream=alike.stream)
    setting.note(Recording(*called, sent, noted, value["reply"], name, edited, setting.customs.max_age, answer))
    if answer is None or edited:
        return Found(replace(reply, timing=_pacing(timed, noted) if reply.timing == INSTANT else reply.timing), alike)
    if answer.stream and setting.either_encoding and not _is_whole(answer):
        alike = setting.likeness(sent, as_asked=True)  # it broke off: nobody knows the whole answer
    if noted.end not in ("complete", "unreachable") and "faults" in value["reply"]:
        reply = replace(reply, faults=())  # they say how it broke off; the bytes of such an answer do so themselves
    return Found(replace(reply, kind=answer), alike)


def _played(timed: exactfile.Timed, reply: Reply, name: str, noted: Recorded, *, stream: bool) -> Exact:
    status, headers = _head(reply, name)
    return Exact(
        status,
        headers,
        timed.head_at,
        timed.pieces,
        timed.ended_at,
        noted.end,
        name.endswith(".sse"),
        reply.kind,
        stream,
    )


def _is_whole(answer: Exact) -> bool:
    from mockserver.core.recordings.replaying import response_of

    return response_of(answer) is not None


def is_edited(value: Mapping[str, Any], noted: Recorded) -> bool:
    """Say whether the readable reply is another than the one that was recorded."""
    if not noted.reply:
        return False
    try:
        return digest(value.get("reply")) != noted.reply
    except TypeError:
        return True


def _head(reply: Reply, name: str) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Return status and headers as recorded; a content type that goes without saying is said."""
    match reply.kind:
        case Http(status, headers, _):
            pass
        case Error(status):
            headers = ()
        case _:
            status, headers = 200, ()
    headers = (*headers, *reply.headers)
    if not any(each.lower() == "content-type" for each, _ in headers) and not isinstance(reply.kind, Http):
        kind = STREAM_TYPE[1].decode() if name.endswith(".sse") else "application/json"
        headers = (("content-type", kind), *headers)
    return status, headers


def _exact(name: str, noted: Recorded, beside: Beside, report: Report, path: Path) -> exactfile.Timed | None:
    try:
        content = beside(name)
    except FileNotFoundError:
        report(path, f"exact file missing: there is no {name} beside this file", "restore it, or remove `exact`")
        return None
    except OSError as error:
        report(
            path, f"the exact file {name} cannot be read: {error.strerror or error}", "restore it, or remove `exact`"
        )
        return None
    found = exact_digest(content)
    if noted.exact and found != noted.exact:
        report(
            path,
            f"the exact file {name} is not what was recorded: its digest is {found}, noted is {noted.exact}",
            "changed by an editor or by git line-end conversion: restore it, or remove `exact`",
        )
        return None
    if not name.endswith(TIMED):
        head, end = noted.first or 0.0, noted.duration or noted.first or 0.0
        return exactfile.Timed(min(head, end), (Piece(end, content),) if content else (), end)
    try:
        return exactfile.decode(content)
    except ValueError as error:
        report(path, f"the exact file {name} is damaged: {error}", "restore it, or remove `exact`")
        return None


def exact_digest(content: bytes) -> str:
    """Return what a rule notes of a file beside its own, an exact one or another: 32 hexadecimal digits."""
    return blake2b(content, digest_size=16).hexdigest()


def _pacing(timed: exactfile.Timed | None, noted: Recorded) -> Timing:
    """Return how the recorded answer was paced: its first delta and its end."""
    from mockserver.core.recordings.replaying import first_delta

    if timed is None:
        first, end = noted.first, noted.duration
    else:
        first, end = first_delta(timed.pieces), timed.ended_at
    if end is None:
        return Timing(first=first)
    return Timing(first=end if first is None else min(first, end), duration=end)
