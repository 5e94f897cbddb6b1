"""Who may ask: any key, or none, until some are named; then the provider's two 401s."""

from __future__ import annotations

import pytest

from mockserver.core.auth import bearer, masked, refuse
from mockserver.core.messages import Request

KEYS = ("sk-first-key", "sk-second-key")


def asked(authorization: str | None = None) -> Request:
    headers = {} if authorization is None else {"authorization": authorization}
    return Request("POST", "/v1/responses", headers=headers, body=b"{}")


@pytest.mark.parametrize("authorization", [None, "", "Bearer anything", "Basic xyz"])
def test_without_keys_anyone_may_ask(authorization: str | None) -> None:
    assert refuse(asked(authorization), ()) is None


@pytest.mark.parametrize("authorization", ["Bearer sk-first-key", "bearer sk-second-key", "BEARER  sk-first-key "])
def test_a_named_key_is_accepted(authorization: str) -> None:
    assert refuse(asked(authorization), KEYS) is None


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "sk-first-key", "Basic sk-first-key"])
def test_a_missing_key_gets_its_401(authorization: str | None) -> None:
    error = refuse(asked(authorization), KEYS)
    assert error is not None
    assert error.status == 401
    assert error.body["error"]["code"] is None


def test_a_wrong_key_gets_its_401_and_is_not_repeated_whole() -> None:
    error = refuse(asked("Bearer sk-entirely-other"), KEYS)
    assert error is not None
    assert (error.status, error.body["error"]["code"]) == (401, "invalid_api_key")
    assert "sk-entirely-other" not in error.body["error"]["message"]
    assert masked("sk-entirely-other") in error.body["error"]["message"]


@pytest.mark.parametrize(("key", "shown"), [("sk-0123456789", "sk-…6789"), ("elevenchars", "****"), ("", "****")])
def test_a_key_is_shown_by_its_ends_or_not_at_all(key: str, shown: str) -> None:
    assert masked(key) == shown


def test_the_scheme_is_read_without_case_and_the_rest_exactly() -> None:
    assert bearer(asked("bEaReR  Sk-Key ")) == "Sk-Key"
    assert bearer(asked("Token Sk-Key")) == ""
