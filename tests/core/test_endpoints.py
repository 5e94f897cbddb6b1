"""What a request for a path that nobody serves is told."""

from __future__ import annotations

import pytest

from mockserver.core import endpoints
from mockserver.core.messages import Request
from mockserver.core.reply import Error


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/responses", "Did you mean /v1/responses? A client's base URL ends in /v1 here."),
        ("/models", "Did you mean /v1/models? A client's base URL ends in /v1 here."),
        ("/v1/responses/", "Write /v1/responses, without the slash at its end."),
        (
            "/v1/v1/responses",
            "Did you mean /v1/responses? The client adds a /v1 of its own: leave it out of the base URL.",
        ),
        ("/v1/chat/completions", "That belongs to another API; this server stands in for POST /v1/responses."),
        ("/chat/completions", "That belongs to another API; this server stands in for POST /v1/responses."),
        ("/v1/response", "Did you mean /v1/responses?"),
        ("/v1/files", "This server answers POST /v1/responses; anything else takes a rule with `path`."),
        ("/", "This server answers POST /v1/responses; anything else takes a rule with `path`."),
    ],
)
def test_an_unknown_path_is_told_what_it_probably_meant(path: str, advice: str) -> None:
    refused = endpoints.answer(Request("POST", path), ())
    assert isinstance(refused, Error)
    assert (refused.status, refused.name) == (404, "unknown_url")
    assert refused.body["error"]["message"] == f"Invalid URL (POST {path}). {advice}"


@pytest.mark.parametrize(
    ("method", "path", "astray"),
    [
        ("POST", "/v1/chat/completions", True),
        ("POST", "/responses", True),
        ("GET", "/v1/files/file_1", True),
        ("GET", "/favicon.ico", False),
        ("HEAD", "/", False),
        ("GET", "/v1/responses", False),
    ],
)
def test_what_was_meant_for_the_api_is_astray(method: str, path: str, astray: bool) -> None:
    """A wrong method is told so and is no miss; browsers and probes are none either."""
    request = Request(method, path)
    refused = endpoints.answer(request, ())
    assert isinstance(refused, Error)
    assert endpoints.is_astray(request, refused) == astray
