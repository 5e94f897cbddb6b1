"""How the control application answers: JSON, and errors in the provider's shape with every mistake beside them.

This room decides those shapes. It must not know what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from mockserver.core import catalogue
from mockserver.core.errors import Problem


class Refused(Exception):  # noqa: N818 - a refusal on its way out, for whoever asked; no error of ours
    """Ends a request with an error. `problems` are the mistakes in what was sent."""

    def __init__(self, status: int, message: str, *, code: str | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.problems = tuple(problems)

    def response(self) -> Response:
        """Return the answer that tells it."""
        return refusal(self.status, self.message, code=self.code, problems=self.problems)


def invalid(what: str, problems: Sequence[Problem], code: str | None = None) -> Refused:
    """Return the refusal of `what` (such as "session") for these mistakes: each a line of the message."""
    lines = "\n".join(str(problem) for problem in problems)
    return Refused(400, f"Invalid {what}: {lines}", code=code, problems=problems)


def answer(value: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(value), status, media_type="application/json")


def refusal(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    code: str | None = None,
    problems: Iterable[Problem] = (),
) -> Response:
    """Return an error in the provider's shape; the problems, if any, stand beside it."""
    body = dict(catalogue.custom(status, message=message, code=code).body)
    told = told_problems(problems)
    if told:
        body["problems"] = told
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


def told_problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return problems as they are told. A line or column of 0 is unknown."""
    return [
        {
            "file": each.file,
            "line": each.line,
            "column": each.column,
            "key": each.key,
            "message": each.message,
            "hint": each.hint,
            "severity": each.severity,
        }
        for each in problems
    ]
