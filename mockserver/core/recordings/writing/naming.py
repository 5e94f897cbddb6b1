"""What recordings are called: files and rules by what was asked, sets by the test that recorded them.

This room decides names that people recognise and every file system takes. It must not know which names are taken, nor
look at a disk.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from hashlib import blake2b
from typing import Final

from mockserver.core import endpoints
from mockserver.core.messages import Request
from mockserver.core.recordings.capture import Capture

MOST: Final = 40
"""Characters of a stem that stems from a text."""
FOLDER: Final = "recordings"

_OTHER: Final = re.compile(r"[^a-z0-9]+")
_OTHER_IN_TEST: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)
"""Names that Windows keeps for itself, whatever suffix follows."""
_SPELT: Final = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "ð": "d"})


def stem_of(capture: Capture) -> str:
    """Return what the file of a capture is called: a slug of the conversation's first user text, else of its path.

    ASCII, lower case, at most `MOST` characters, legal on Windows. The turns of a tool loop have the same.
    """
    if capture.path == endpoints.RESPONSES:
        request = Request(capture.method, capture.path, body=capture.request_body)
        for text in _first_texts(request):
            made = slug(text)
            if made:
                return made
    path = capture.path.removeprefix("/v1/")
    return slug(path if capture.path == endpoints.RESPONSES else f"{capture.method} {path}") or "root"


def _first_texts(request: Request) -> Iterator[str]:
    """Yield texts that tell the conversation apart: the first user text, then the instructions."""
    given = request.fields.get("input")
    for item in (
        [{"role": "user", "content": given}] if isinstance(given, str) else given if isinstance(given, list) else ()
    ):
        if isinstance(item, dict) and item.get("role") == "user":
            content = item.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
            if any(map(slug, texts)):
                yield " ".join(texts)
                break
    instructions = request.fields.get("instructions")
    if isinstance(instructions, str):
        yield instructions


def slug(text: str, most: int = MOST) -> str:
    """Return a text as words of ASCII letters and digits joined by hyphens, cut at a word; "" where it has none."""
    head = text[: most * 8].casefold().translate(_SPELT)
    bare = unicodedata.normalize("NFKD", head).encode("ascii", "ignore").decode()
    made = _OTHER.sub("-", bare.replace("'", "")).strip("-")
    if len(made) > most:
        cut = made[: most + 1].rpartition("-")[0]
        made = cut if len(cut) > most // 2 else made[:most].strip("-")
    return f"{made}-file" if made in _DEVICES else made


def unique(stem: str, taken: Collection[str]) -> str:
    """Return the stem, with a number where a name in `taken` is the same but for its case: `hello-2`."""
    known = {name.casefold() for name in taken}
    made, number = stem, 1
    while made.casefold() in known:
        number += 1
        made = f"{stem}-{number}"
    return made


def set_of(test_id: str) -> str:
    """Return where a test's recordings are kept, seen from its folder and without suffix: `recordings/test_agent/test_ask`.

    `test_id` is pytest's: of `tests/test_agent.py::TestTools::test_ask[paris]` the last part is `TestTools.test_ask-paris`.
    What has to be spelt in other characters (`test_größe`) gets a short digest, so that no two tests share a set.
    """
    file, _, rest = test_id.partition("::")
    head, bracket, parameters = rest.partition("[")
    module = _spelt(re.split(r"[\\/]", file)[-1].removesuffix(".py"))
    name = _spelt(head.replace("::", ".")) or module
    if bracket:
        name = _with_parameters(name, parameters.removesuffix("]"))
    return f"{FOLDER}/{_legal(module)}/{_legal(name)}"


def _with_parameters(name: str, parameters: str) -> str:
    kept = _OTHER_IN_TEST.sub("-", parameters).strip("-.")
    short = kept[:MOST].rstrip("-.")
    if short and short == parameters.lower():  # a capital letter is lost where a file system does not tell it apart
        return f"{name}-{short}"
    return f"{name}-{short}-{_digest(parameters)}" if short else f"{name}-{_digest(parameters)}"


def _spelt(name: str) -> str:
    kept = _OTHER_IN_TEST.sub("-", name)
    return kept if kept == name else f"{kept.rstrip('-')}-{_digest(name)}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def _legal(name: str) -> str:
    return f"{name}-file" if name.partition(".")[0].casefold() in _DEVICES else name


def exact_name(capture: Capture, stem: str, number: int) -> str:
    """Return the name of the file with a capture's bytes: `weather.1.sse`; what is inside shows in its suffix.

    `.sse` an event stream and `.chunks` another body in several pieces, both with times; `.json`, `.txt` and `.bin` a body
    in one piece.
    """
    return f"{stem}.{number}.{_suffix(capture)}"


def _suffix(capture: Capture) -> str:
    if capture.is_stream:
        return "sse"
    kind = capture.content_type
    if kind == "application/json" or kind.endswith("+json"):
        return "json"  # in how many pieces a document came says nothing
    if len(capture.pieces) > 1:
        return "chunks"
    return "txt" if kind.startswith("text/") and _is_text(capture.body) else "bin"


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
