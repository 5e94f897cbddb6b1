"""What a run does with recordings: the mode, and the real API behind it.

This room decides what is meant where nothing is said, and what CI may do. It must not know servers, sessions or what a
recording is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mockserver.core.errors import SettingError
from mockserver.core.forwarding.address import EXAMPLE, Address
from mockserver.core.recordings.modes import Mode, plan, read_mode
from mockserver.expiry import in_ci
from mockserver.pytesting.names import UPSTREAM

ALLOWED_IN_CI: Final = frozenset({"none", "all", "rewrite"})
"""Modes that say plainly what is wanted; the others would hide there that a recording is missing."""


BEFORE: Final = "OPENAI_BASE_URL"
"""What clients are pointed at here; what it was before is the real API."""


@dataclass(frozen=True, slots=True)
class Taping:
    """What this run does with recordings. `upstream` is "" where nothing is recorded; then `key` is, too."""

    mode: Mode = "none"
    upstream: str = ""
    key: str = ""
    """The user's own API key, kept while something is recorded."""


def read_taping(mode: str, upstream: str, source: str, environ: Mapping[str, str]) -> Taping:
    """Return what is asked for by `source`; `environ` still is as the user has it.

    Raises `SettingError` for an unknown mode, and for an upstream that is none, wherever it was said.
    """
    try:
        meant = read_mode(mode or "none")
    except ValueError as error:
        raise SettingError(f"{source}: {error}") from None
    if in_ci(environ) and meant not in ALLOWED_IN_CI:
        meant = "none"
    if not plan(meant, empty=True).records:
        return Taping(meant)
    before = environ.get(BEFORE, "")
    try:
        Address.read(upstream or before or EXAMPLE)
    except ValueError as error:
        raise SettingError(
            f"{UPSTREAM}: {error}" if upstream else f"{BEFORE}: {error}; or say {UPSTREAM}=URL"
        ) from None
    return Taping(meant, upstream or before or EXAMPLE, environ.get("OPENAI_API_KEY", ""))
