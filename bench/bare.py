"""The yardstick: an ASGI callable that reads the whole body and sends prepared bytes, on mockserver's own server settings.

Run as `python -m bench.bare FILE`: FILE is JSON with `headers` (list of pairs) and `frames` (list of text); one frame is one
write. `STAMP` in a frame becomes the moment at which it is sent. Prints its URL when ready.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from mockserver.adapters.server import Server, bind

STAMP: Final = b"STAMP"
"""Moments of this clock mean the same in every process of a machine."""


def application(headers: list[tuple[bytes, bytes]], frames: list[bytes], gap: float = 0.0) -> Any:
    """Return the callable. With a `gap` (seconds) it sleeps to absolute deadlines between frames."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if len(frames) == 1:
            await send({"type": "http.response.body", "body": frames[0]})
            return
        loop = asyncio.get_running_loop()
        due = loop.time()
        for frame in frames:
            if gap:
                due += gap
                await asyncio.sleep(due - loop.time())
                frame = frame.replace(STAMP, b"%.6f" % time.perf_counter())  # noqa: PLW2901 - it is the frame as sent
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return answer


def main() -> None:
    """Serve until interrupted."""
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    headers = [(name.encode(), value.encode()) for name, value in given["headers"]]
    frames = [frame.encode() for frame in given["frames"]]
    server = Server(application(headers, frames, given.get("gap", 0.0)), bind())
    server.serve(lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
