"""What a test elsewhere says when it asks for a verdict: what it knows of its session and the server does not.

This room decides how that is written as JSON. It must not know what counts as wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockserver.adapters.control import parts
from mockserver.adapters.control.aliases import of
from mockserver.adapters.control.options import NAME
from mockserver.adapters.control.served import Served, Testimony
from mockserver.core.rulefiles.forms import BOOLEAN, LINE, Form, Key, checked, listed, whole
from mockserver.core.sessions import Session

_NUMBER: Final = whole("the number of an exchange", 0)
_ALLOWING: Final = checked(
    "how a finding is let pass, with `{}` for its name",
    lambda value: isinstance(value, str) and value.count("{}") == 1 and value.isprintable(),
    {"type": "string"},
)

FORM: Final = Form(
    "a testimony",
    {
        "allow": Key("Findings that are let pass.", listed(LINE)),
        "strict": Key("Whether the rules that the test took from files have to be used, too.", BOOLEAN),
        "unfinished": Key("FILE:LINE of each `when()` without a reply.", listed(LINE)),
        "read": Key("Exchanges whose violations the test has looked at, by number.", listed(_NUMBER)),
        "after": Key("Only exchanges above this number are judged, and rules no more.", _NUMBER),
        "alias": Key("The alias whose ended sessions are of the same run.", NAME),
        "late": Key("Only requests above this number came too late in this test.", _NUMBER),
        "allowing": Key("How a finding is let pass, with `{}` for its name.", _ALLOWING),
    },
)


def heard(said: Mapping[str, Any], session: Session, served: Served) -> Testimony:
    """Return what was said, with the rules and the late requests that it is about."""
    made, loaded = parts.made(session.rules)
    entries = served.engine.sessions.late.journal.entries(after=said.get("late", 0))
    alias = said.get("alias")
    return Testimony(
        made,
        loaded,
        said.get("unfinished", ()),
        said.get("read", ()),
        [entry for entry in entries if of(alias, entry)] if alias else (),
        said.get("after", 0),
        said.get("allowing", ""),
    )
