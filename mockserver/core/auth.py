"""Accepted keys, and the provider's 401 for a missing and for a wrong one.

This room decides whether a request's key is accepted. It must not know where the keys were configured.
"""

from __future__ import annotations

from mockserver.core import catalogue
from mockserver.core.messages import Request
from mockserver.core.reply import Error


def refuse(request: Request, keys: tuple[str, ...]) -> Error | None:
    """Return the 401 for this request, None when its key is accepted or no keys are set."""
    if not keys:
        return None
    key = bearer(request)
    if not key:
        return catalogue.error("missing_api_key")
    return None if key in keys else catalogue.error("invalid_api_key", key=masked(key))


def bearer(request: Request) -> str:
    """Return the key of `Authorization: Bearer KEY`, "" when there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def masked(key: str) -> str:
    """Return a key as it may be shown: its first three and last four characters, or nothing of a short one."""
    return f"{key[:3]}…{key[-4:]}" if len(key) >= 12 else "****"
