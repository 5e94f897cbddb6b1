"""What a rule's `response` says against what the API would send.

This room decides which of an author's own response fields no client could read. It must not know files or how problems
are printed; a rule that says `allow_invalid: true` means it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mockserver.core.dialect import Dialect
from mockserver.core.errors import nearest
from mockserver.core.rules.book import Rule


def untrue(rule: Rule, dialect: Dialect) -> Iterator[tuple[str, str, str]]:
    """Yield FILE:LINE, what is wrong and a hint for each field of a reply's `response` that the API would not send.

    A field that is left incomplete is merged over what is made, so that what is missing there is no mistake.
    """
    if rule.allow_invalid:
        return
    known = dialect.schema("response").document.get("properties", {})
    for reply, _ in rule.replies:
        for key, value in reply.response.items():
            if key not in known:
                close = nearest(key, known)
                hint = f"did you mean `{close}`?" if close else "say `allow_invalid: true` in the rule if it is meant"
                yield reply.place or rule.place, f"`response` has no field `{key}` in the API", hint
                continue
            wrong = [each for each in dialect.field("response", key).violations(value) if each.keyword != "required"]
            if wrong:
                hint = "say `allow_invalid: true` in the rule if it is meant"
                yield reply.place or rule.place, f"`response.{key}` is not what the API sends: {wrong[0].message}", hint
