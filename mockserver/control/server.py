"""A running server as its control API is asked: one request, one answer.

This room decides how a request is made and how a refusal is told. It must not know what there is to ask. Proxies are never
used: a mock server is close by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from mockserver.core.errors import MockServerError, Problem

_JSON: Final = "application/json"
_YAML: Final = "application/yaml"


class ControlError(MockServerError):
    """The server refused, or did not answer. `str()` is what it said.

    `status` is the HTTP status, 0 where nothing answered; `code` says what it was, such as `unknown_session`; `problems` are
    the mistakes in what was sent.
    """

    def __init__(
        self, message: str, status: int = 0, code: str | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.problems = tuple(problems)


class Server:
    """A server at a URL, asked under `/_mock`."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ControlError(f"expected a server's URL such as http://127.0.0.1:8080, got {url!r}")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.timeout = timeout
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._opener = build_opener(ProxyHandler({}))

    def call(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """Return the JSON of an answer. `path` begins after `/_mock`; text as a body is YAML."""
        status, answer = self.ask(method, path, query, body)
        if status >= 400:
            raise error_of(status, answer)
        return parsed(answer)

    def ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> tuple[int, bytes]:
        """Return status and body of an answer, whatever it says. Raises `ControlError` where there is none."""
        url = f"{self.url}/_mock{path}{f'?{urlencode(query)}' if query else ''}"
        data, headers = None, {"accept": _JSON, **self._headers}
        if isinstance(body, str):
            data, headers["content-type"] = body.encode(), _YAML
        elif body is not None:
            data, headers["content-type"] = json.dumps(body).encode(), _JSON
        request = Request(url, data, headers, method=method)  # noqa: S310 - http or https, looked at in `__init__`
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            reason = getattr(reason, "strerror", None) or reason
            raise ControlError(f"no mockserver answers at {self.url}: {reason}") from None


def parsed(answer: bytes) -> Any:
    """Return the JSON of an answer. Raises `ControlError` where it is none."""
    try:
        return json.loads(answer)
    except ValueError:
        raise ControlError(f"this does not look like a mockserver: it answered {answer[:80]!r}") from None


def error_of(status: int, answer: bytes) -> ControlError:
    """Return the error that an answer tells."""
    try:
        told = json.loads(answer)
        error = told["error"]
        problems = [Problem(**{key: each[key] for key in _TOLD if key in each}) for each in told.get("problems", ())]
        return ControlError(str(error["message"]), status, error.get("code"), problems)
    except (ValueError, KeyError, TypeError):
        return ControlError(f"this does not look like a mockserver: it answered with status {status}", status)


_TOLD: Final = ("message", "file", "line", "column", "key", "hint", "severity")
