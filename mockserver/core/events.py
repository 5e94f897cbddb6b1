"""One stream event as a value, and what a reply becomes before it is paced.

This room decides nothing; it is the word that `composition`, `literal`, `timeline` and `journal` share. It must not know
how events are ordered (`grammar`), made or encoded (`sse`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event.

    `data` is the JSON object to send, or a string sent verbatim as the frame's data. `delta` is the text this event adds
    to an answer, None when it is no delta (an image or argument delta counts too: whatever the API calls delta).
    `at` is an explicit offset in milliseconds from the arrival of the request, None to be paced.
    """

    type: str
    data: Mapping[str, Any] | str
    delta: str | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply made concrete: the final response object, and the same answer as events. One reply, both encodings."""

    response: Mapping[str, Any]
    events: tuple[Event, ...]
    notes: tuple[str, ...] = ()
    """What a person should know: a template look-up that was absent, an output that breaks the request's own schema."""
