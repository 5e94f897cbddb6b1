"""A `when` while it is compiled: the conditions so far, and how one is made of a reader and a matcher.

This room decides what a condition carries besides its test: what it can be looked up by, and its canonical words. It
must not know the targets (`targets` has the table) or what the matchers do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mockserver.core.messages import Json, Request
from mockserver.core.rules.conditions import ClaimCondition, Condition
from mockserver.core.rules.equality import canonical
from mockserver.core.rules.leaves import MAX_SUBJECT
from mockserver.core.rules.matchers import compile_matcher
from mockserver.core.rules.target_values import Read
from mockserver.core.rules.verdicts import Matcher, Site

Values: TypeAlias = Callable[[Request], Iterable[Json]]


@dataclass(slots=True)
class Draft:
    """What has been compiled of one `when`. `sources` are the patterns that must match, with the values they look at.

    `claimable` says that this is the top of a rule's conditions, where `hit` and `state` may stand; `scripted` that the rule
    has turns.
    """

    claimable: bool = True
    scripted: bool = False
    conditions: list[Condition] = field(default_factory=list)
    claims: list[ClaimCondition] = field(default_factory=list)
    sources: list[tuple[Values, re.Pattern[str]]] = field(default_factory=list)
    names_endpoint: bool = False

    def add(self, target: str, given: Any, site: Site, read: Read, *, text: bool = True) -> None:
        """Add the condition that what `read` gives is accepted by the matcher `given`. `target` names it for the index."""
        patterns: list[re.Pattern[str]] = []
        matcher = compile_matcher(given, site.report, site.path, label=site.label, text=text, patterns=patterns)
        self.sources.extend((lambda request: (read(request),), pattern) for pattern in patterns)
        value = plain_text(given, text=text)
        self.conditions.append(
            condition(
                site.label,
                matcher,
                read,
                equality=None if value is None else (target, value),
                spec=words(target, given),
            )
        )


def condition(
    label: str, matcher: Matcher, read: Read, equality: tuple[str, str] | None = None, spec: str = ""
) -> Condition:
    """Make the condition that `matcher` accepts what `read` gives."""
    mismatches, holds = matcher.mismatches, matcher.holds
    return Condition(
        label,
        lambda request: mismatches(read(request)),
        equality=equality,
        read=read,
        holds=lambda request: holds(read(request)),
        accepts=holds,
        spec=spec,
    )


def plain_text(given: Any, *, text: bool) -> str | None:
    """Return the string that `given` asks to be equal to, None when it asks for anything else."""
    if isinstance(given, dict) and list(given) == ["equals"]:
        given = given["equals"]
    if isinstance(given, str):
        return given
    if text and isinstance(given, bool):
        return "true" if given else "false"
    return str(given) if text and isinstance(given, int) else None


def words(target: str, given: Any) -> str:
    """Return canonical words for a test, "" where it has none."""
    try:
        return f"{target} {canonical(given).decode()}"
    except TypeError:
        return ""


def groups_of(sources: list[tuple[Values, re.Pattern[str]]]) -> Callable[[Request], Mapping[str, str]] | None:
    """Return the function from a request to its regex groups, numbered from "0" and named; None without patterns.

    Of several patterns that set the same group the first one counts. A group that took no part is left out.
    """
    if not sources:
        return None
    patterns = tuple(sources)

    def groups(request: Request) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for values, pattern in patterns:
            for value in values(request):
                match = pattern.search(value) if isinstance(value, str) and len(value) <= MAX_SUBJECT else None
                if match is not None:
                    numbered = {str(index): part for index, part in enumerate((match[0], *match.groups()))}
                    for name, part in (*numbered.items(), *match.groupdict().items()):
                        if part is not None:
                            found.setdefault(name, part)
                    break
        return found

    return groups
