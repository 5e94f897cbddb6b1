"""Long base64 taken out of a recorded value into files, and put back: images, documents, audio, encrypted reasoning.

This room decides which texts go, what the files are called and what stands in their place. It must not know rule files,
folders or what the bytes show. A file is named by a digest of its content: what a conversation sends again in every turn
is one file.

    image_url: data:image/png;base64,<base64:what-is-this-0a1b2c3d4e5f.png>

`<base64:NAME>` is the content of the file NAME in base64, `<base64url:NAME>` the same in the alphabet of URLs. Only names
that come with the value count: any other such text is what somebody said.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mockserver.core.messages import Json
from mockserver.core.rulefiles.recordingform import exact_digest

LEAST: Final = 2_000
"""Characters of base64 that are worth a file of their own."""
DIGITS: Final = 12
"""Hexadecimal digits of the digest in a name."""

_RUN: Final = re.compile(rf"[A-Za-z0-9+/_-]{{{LEAST - 2},}}={{0,2}}")
_MIXED: Final = tuple(map(re.compile, ("[A-Z]", "[a-z]", "[0-9]")))
"""What all has to stand in such a text: a long word or a row of hexadecimal digits is no base64 although it looks so."""
OPENS: Final = "<base64"
"""How everything begins that stands for a file."""
_STAND_IN: Final = re.compile(r"<(base64|base64url):([^<>\r\n]+)>")
_URL: Final = str.maketrans("-_", "+/")
_MEDIA_TYPE: Final = re.compile(r"data:([a-z]+/[a-z0-9.+-]+)[^,\s]*,\Z", re.IGNORECASE)
_MEDIA_TYPE_AT_MOST: Final = 200

SUFFIXES: Final = ("png", "jpg", "gif", "webp", "wav", "mp3", "pdf", "bin")
"""What the name of a file of ours ends in."""
_BEGINS: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"\xff\xd8\xff"), "jpg"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "webp"),
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "wav"),
    (re.compile(rb"ID3[\x02-\x04]"), "mp3"),
    (re.compile(rb"%PDF-"), "pdf"),
)
_TYPES: Final = {
    "image/png": "png", "image/jpeg": "jpg", "image/jpg": "jpg", "image/gif": "gif", "image/webp": "webp",
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3",
    "application/pdf": "pdf",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Detached:
    """A value with stand-ins in it, and the content of the files that they name."""

    value: Json
    files: Mapping[str, bytes]


def detached(value: Json, stem: str) -> Detached:
    """Take what is long base64 out of the texts of a value, into files `<stem>-<digest>.<suffix>`.

    It is left alone where it could not be put back to the letter: cut off, without its padding, or beside a text that
    looks like such a stand-in.
    """
    files: dict[str, bytes] = {}

    def shortened(text: str) -> str:
        return _RUN.sub(lambda found: _stand_in(found, stem, files), text) if len(text) >= LEAST else text

    made = _over_texts(value, shortened)
    if not files or attached(made, files) != value:
        return Detached(value, {})
    return Detached(made, files)


def attached(value: Json, files: Mapping[str, bytes]) -> Json:
    """Put the content of these files in the place of what stands for them. The value itself is not changed."""

    def filled(found: re.Match[str]) -> str:
        content = files.get(found[2])
        if content is None:
            return found[0]
        return (base64.b64encode if found[1] == "base64" else base64.urlsafe_b64encode)(content).decode()

    return _over_texts(value, lambda text: _STAND_IN.sub(filled, text) if OPENS in text else text)


def named(value: Json) -> frozenset[str]:
    """Return the names in all that looks like a stand-in."""
    found: set[str] = set()

    def note(text: str) -> str:
        found.update(name for _, name in _STAND_IN.findall(text))
        return text

    _over_texts(value, note)
    return frozenset(found)


def is_media(content: bytes) -> bool:
    """Say whether a file is a picture or a sound, by its first bytes: packed data in which nobody reads a text."""
    return any(begins.match(content) for begins, suffix in _BEGINS if suffix != "pdf")


def _stand_in(found: re.Match[str], stem: str, files: dict[str, bytes]) -> str:
    """Return what takes the place of a text that may be base64: the text itself where it is none."""
    text = found[0]
    is_url = "-" in text or "_" in text
    standard = text.translate(_URL) if is_url else text
    if (is_url and ("+" in text or "/" in text)) or not all(each.search(text) for each in _MIXED):
        return text
    try:
        content = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError):
        return text
    if base64.b64encode(content).decode() != standard:
        return text  # bits are set that no byte holds
    before = found.string[max(0, found.start() - _MEDIA_TYPE_AT_MOST) : found.start()]
    name = f"{stem}-{exact_digest(content)[:DIGITS]}.{_suffix(content, before)}"
    files[name] = content
    return f"<{'base64url' if is_url else 'base64'}:{name}>"


def _suffix(content: bytes, before: str) -> str:
    """Return what a file is, by its first bytes, else by the media type before it."""
    for begins, suffix in _BEGINS:
        if begins.match(content):
            return suffix
    kind = _MEDIA_TYPE.search(before)
    return _TYPES.get(kind[1].lower(), "bin") if kind else "bin"


def _over_texts(value: Json, change: Callable[[str], str]) -> Json:
    """Return a value with its texts changed; what holds no changed text is the very same object."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        made = {key: _over_texts(each, change) for key, each in value.items()}
        return made if any(made[key] is not each for key, each in value.items()) else value
    if isinstance(value, list):
        listed = [_over_texts(each, change) for each in value]
        return listed if any(new is not old for new, old in zip(listed, value, strict=True)) else value
    return value
