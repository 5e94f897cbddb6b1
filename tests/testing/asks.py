"""Asking a server by plain HTTP, where the official client would do too much."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit


def post(base_url: str, body: Any = None, path: str = "/responses", **headers: str) -> tuple[int, bytes]:
    """POST a body (JSON, or bytes as they are) and return status and answer."""
    parts = urlsplit(base_url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        sent = body if isinstance(body, bytes) else json.dumps({"model": "m", "input": "hi", **(body or {})}).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", parts.path + path, sent, {"content-type": "application/json", **named})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextlib.contextmanager
def opened(base_url: str, body: dict[str, Any], **headers: str) -> Iterator[http.client.HTTPResponse]:
    """POST a body and hold the answer open; leaving closes the connection, read or not."""
    parts = urlsplit(base_url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    sent = json.dumps({"model": "m", "input": "hi", **body}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", f"{parts.path}/responses", sent, {"content-type": "application/json", **named})
    answer = connection.getresponse()
    try:
        yield answer
    finally:
        answer.close()
        connection.close()


def text_of(answer: tuple[int, bytes]) -> str:
    """Return the text of an answer's first message."""
    assert answer[0] == 200, answer
    return str(json.loads(answer[1])["output"][0]["content"][0]["text"])


def in_background(work: Callable[[], object]) -> threading.Thread:
    """Run something in a thread that has begun."""
    thread = threading.Thread(target=work)
    thread.start()
    return thread
