"""The names of what a test may wish for, for those who only need the names: a run in which nobody wishes loads no more.

This room decides nothing else. `wishes` says what each means.
"""

from __future__ import annotations

from typing import Final

OPTIONS: Final = (
    "validate", "speed", "now", "seed", "exhausted", "on_miss", "lenient", "allow_params", "auth_keys",
)  # fmt: skip
"""Settings that a session may have for itself. `mockserver.settings` says what each takes."""

KEYWORDS: Final = ("strict", "allow", "recording", *OPTIONS)
"""What the marker takes by name; rule files come by position. The fixture's dict takes these and `rules`."""

RULES: Final = "rules"

RECORD: Final = "--mockserver-record"
UPSTREAM: Final = "--mockserver-upstream"
VARIABLES: Final = {RECORD: "MOCKSERVER_RECORD", UPSTREAM: "MOCKSERVER_UPSTREAM"}
"""The options about recordings, and the variables that say the same."""
