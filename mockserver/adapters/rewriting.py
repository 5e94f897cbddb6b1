"""Rewriting: what the API answers now, in place of what was recorded.

This room decides when a recording may be replaced, and that all else in its file stays: other rules, comments, and the
keys that somebody added to its rule. It must not know how answers were compared. A file is always whole, old or new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mockserver.adapters import disk
from mockserver.adapters.besides import Besides
from mockserver.adapters.lock import locked
from mockserver.adapters.storing import store
from mockserver.core.messages import Json
from mockserver.core.recordings.attachments import named
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.drift.resends import Resend
from mockserver.core.recordings.editing import beside, is_recorded, listed, replaced
from mockserver.core.recordings.secrets.redactor import Redactor
from mockserver.core.recordings.writing.proof import prove
from mockserver.core.recordings.writing.text import entry_text
from mockserver.core.recordings.writing.written import Written, compose
from mockserver.core.rulefiles.recordingform import exact_digest

_NUMBERED: Final = re.compile(r"(.+?)[ .]([0-9]+)(?:\.[a-z]+)?\Z")
_OURS: Final = ("reply", "exact", "files", "recorded")
"""The keys of a rule that are written anew."""


class Kept(ValueError):  # noqa: N818 - says what became of a recording
    """A recording that stays as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Replaces recordings; `besides` knows the customs of their folders."""

    besides: Besides

    @classmethod
    def begun(cls) -> Rewriting:
        """Return a rewriting that has read nothing yet."""
        return cls(Besides(lambda path: None, disk.shown))

    def rewrite(self, resend: Resend, now: Capture) -> None:
        """Put the answer that came now, with the ids that were recorded, in the place of the recorded one.

        Raises `Kept` where that cannot or should not be done.
        """
        if resend.edited:
            raise Kept("its reply was edited by hand")
        if now.status >= 400 > resend.capture.status:
            raise Kept("an answer is not replaced by an error; delete the recording and record again if that is meant")
        recorded = resend.capture
        capture = replace(now, path=recorded.path, query=recorded.query, request_body=recorded.request_body)
        path = Path(resend.file)
        cleaned = Redactor(self.besides.customs(path)).clean(capture)
        if cleaned.leaks:
            raise Kept(f"it would hold the request's own key: {'; '.join(map(str, cleaned.leaks))}")
        try:
            with locked(path.parent):
                _replace(path, resend.name, cleaned.capture)
        except OSError as error:
            raise Kept(f"{disk.shown(path)} cannot be written: {error.strerror or error}") from None


def _replace(path: Path, name: str, capture: Capture) -> None:
    text = path.read_bytes().decode("utf-8-sig")
    rules = listed(text)
    old = next((rule for rule in rules if is_recorded(rule) and rule.get("name") == name), None)
    if old is None:
        raise Kept("it is not in its file any more, or has no name")
    written = _written(old, capture, path)
    differs = prove(written, capture)
    if differs:
        raise Kept(f"what was written does not replay as it came: {differs}")
    wanted = [dict(written.entry) if rule is old else rule for rule in rules]
    try:
        made = replaced(text, name, written.text)
    except ValueError as error:
        raise Kept(str(error)) from None
    if listed(made) != wanted:
        raise Kept("its file is written in a way that leaves no room for another text; lay `rules` out as a list")
    store(path, made, written.beside)
    for gone in beside(old).difference(*map(beside, filter(is_recorded, listed(made)))):
        (path.parent / gone).unlink(missing_ok=True)


def _written(old: Mapping[str, Json], capture: Capture, path: Path) -> Written:
    """Return the recording as it is written now, under its name and with the keys that others added."""
    found = _NUMBERED.match(str(old.get("exact") or old["name"]))
    stem = path.name.partition(".mock.y")[0]
    kept = old["reply"].get("headers", ()) if isinstance(old.get("reply"), dict) else ()
    written = compose(
        capture,
        stem=found[1] if found else stem,
        number=int(found[2]) if found else _free(path, stem),
        keep_headers=tuple(kept),
    )
    more = {key: value for key, value in old.items() if key not in written.entry and key not in _OURS}
    entry: dict[str, Any] = {**written.entry, **more, "name": old["name"], "request": old["request"]}
    attachments = {name: path.parent.joinpath(name).read_bytes() for name in _attached(old, "request")}
    attachments |= {name: written.attachments[name] for name in _attached(written.entry, "reply")}
    entry["files"] = {name: exact_digest(content) for name, content in attachments.items()}
    if not attachments:
        del entry["files"]
    return replace(written, name=str(old["name"]), entry=entry, text=entry_text(entry), attachments=attachments)


def _attached(rule: Mapping[str, Json], key: str) -> list[str]:
    """Return the files of a rule with values below this key."""
    files = rule.get("files")
    used = named(rule[key])
    return [name for name in files if name in used] if isinstance(files, dict) else []


def _free(path: Path, stem: str) -> int:
    """Return a number that no file of exact bytes beside this rule file has."""
    numbers = [
        int(found[2]) for each in path.parent.iterdir() if (found := _NUMBERED.match(each.name)) and found[1] == stem
    ]
    return 1 + max(numbers, default=0)
