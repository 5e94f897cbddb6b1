"""The variables that point clients at the server."""

from __future__ import annotations

import pytest

from mockserver.pytesting.environment import Environment

URL = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("before", "during"),
    [
        ({}, {"NO_PROXY": "127.0.0.1,localhost"}),
        ({"NO_PROXY": "example.org, localhost"}, {"NO_PROXY": "example.org,localhost,127.0.0.1"}),
        ({"no_proxy": "a"}, {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "a,127.0.0.1,localhost"}),
        ({"OPENAI_API_KEY": "real", "OPENAI_BASE_URL": "http://real", "HTTP_PROXY": "http://proxy"}, {}),
    ],
)
def test_clients_are_pointed_here_and_then_as_before(before: dict[str, str], during: dict[str, str]) -> None:
    """Past any proxy, with a key that is not the real one; nothing stays."""
    environ = dict(before)
    environment = Environment(environ)
    environment.set(URL, "mock")
    environment.set("http://elsewhere", "other")
    assert {**environ, **during, "OPENAI_BASE_URL": URL, "OPENAI_API_KEY": "mock"} == environ
    assert environment.is_set
    environment.restore()
    environment.restore()
    assert environ == before


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://mock:8080/s/a/v1", "mock"), ("https://mock.lan/v1", "mock.lan"), ("http://[fd00::1]:80/v1", "fd00::1")],
)
def test_a_server_elsewhere_is_past_any_proxy_too(url: str, host: str) -> None:
    environ: dict[str, str] = {}
    Environment(environ).set(url, "mock")
    assert environ["NO_PROXY"] == f"127.0.0.1,localhost,{host}"
