"""Server-sent events to bytes and back, exactly.

This room decides the wire form of one event. It must not know what the events mean.
"""

from __future__ import annotations

import orjson

from mockserver.core.events import Event


def encode(event: Event) -> bytes:
    """Return the frame of one event: `event:` and one-line `data:`, LF line ends, a blank line."""
    data = event.data.encode() if isinstance(event.data, str) else orjson.dumps(event.data)
    return b"event: %b\ndata: %b\n\n" % (event.type.encode(), data)
