"""The rules of a session under `/_mock`: listed, replaced, added to, taken away.

This room decides how rules arrive: as the text of a rule file, or as the same in JSON. It must not know what they mean
(`rulefile` does). Reading them happens in a thread; the loop only swaps.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from weakref import WeakKeyDictionary

from starlette.requests import Request as Asked
from starlette.responses import Response

from mockserver.adapters.control import bodies, parts
from mockserver.adapters.control.answers import Refused, answer, invalid, told_problems
from mockserver.adapters.control.options import FILE
from mockserver.adapters.control.parts import PARTS, Sent
from mockserver.adapters.control.served import Served
from mockserver.core.errors import Problem
from mockserver.core.rulefiles import yamlsource
from mockserver.core.rulefiles.forms import WRONG
from mockserver.core.rulefiles.rulefile import RuleFile, parse
from mockserver.core.rulefiles.written import flow
from mockserver.core.rules.book import Rule, RuleBook
from mockserver.core.sessions import Session

CODE: Final = "invalid_rules"

SERVER_WIDE: Final = {
    "include": "send those rules along: a file sent to a running server includes no others",
    "auth": "give `auth_keys` when the session is created",
}
"""Keys of a rule file that rules of one session cannot have, and what to do instead."""


class Rules:
    """The routes of a session's own rules; what they are called is counted here."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._labels: WeakKeyDictionary[Session, Iterator[str]] = WeakKeyDictionary()

    async def read(self, asked: Asked) -> Response:
        """Tell every rule that can answer in a session, in the order in which they are asked."""
        return answer(listing(self.served.session(asked)))

    async def replace(self, asked: Asked) -> Response:
        """Put rules in place of the session's own."""
        session = self.served.session(asked)
        sent = await self._sent(asked, session)
        if sent.below or sent.below_otherwise:
            served = self.served.engine.book if not self.served.examples else RuleBook(())
            session.found(RuleBook((*served.ruled, *sent.below), (*served.otherwise, *sent.below_otherwise)))
        session.use(sent.rules, sent.otherwise)
        session.limits = tuple(sent.limits)
        _admit(session, sent.keys)
        return answer({**listing(session, own=True), "problems": told_problems(sent.problems)})

    async def add(self, asked: Asked) -> Response:
        """Add rules after the session's own; an `otherwise` takes the place of the one before."""
        session = self.served.session(asked)
        sent = await self._sent(asked, session)
        known = {rule.key for rule in (*session.rules, *session.otherwise)}
        twice = [
            Problem(f"the session has a rule {rule.label} already", hint="PUT replaces all; `?file=` tells files apart")
            for rule in sent.rules
            if rule.key in known
        ]
        if twice:
            raise invalid("rules", twice, CODE)
        session.use((*session.rules, *sent.rules), sent.otherwise or session.otherwise)
        session.limits += tuple(sent.limits)
        _admit(session, sent.keys)
        return answer({**listing(session, own=True), "problems": told_problems(sent.problems)})

    async def clear(self, asked: Asked) -> Response:
        """Take the session's own rules away."""
        session = self.served.session(asked)
        session.use()
        session.limits = ()
        return answer(listing(session, own=True))

    def furnish(self, session: Session, file: RuleFile) -> None:
        """Give a session the rules that it begins with; the next ones get other labels."""
        next(self.labels(session))
        session.use(file.rules, _otherwise(file))
        session.limits = file.limits

    def labels(self, session: Session) -> Iterator[str]:
        """Return what rules without a file's name are called, one after the other.

        Never twice in one session: hits are counted by file and name, and those of other rules must not be taken over.
        """
        found = self._labels.get(session)
        if found is None:
            found = self._labels[session] = itertools.chain([FIRST], (f"{FIRST}-{n}" for n in itertools.count(2)))
        return found

    async def _sent(self, asked: Asked, session: Session) -> Sent:
        """Return the rules sent for a session. Raises `Refused` with every mistake in them."""
        label = asked.query_params.get("file", "")
        mistakes = bodies.Mistakes()
        if "file" in asked.query_params and FILE.read(label, mistakes, ("file",)) is WRONG:
            raise invalid("query", mistakes.problems)
        sent: Any = await bodies.document(asked) if bodies.is_json(asked) else await _text(asked)
        if isinstance(sent, Mapping) and PARTS in sent:
            found = await asyncio.to_thread(parts.read, sent[PARTS])
            if not found.usable:
                raise invalid("rules", found.problems, CODE)
        else:
            found = Sent.of(await understood(sent, label or next(self.labels(session))))
        self.served.still(session)
        return found


FIRST: Final = "rules"
"""What the first rules of a session are called."""


async def _text(asked: Asked) -> str:
    body = await bodies.read(asked)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(400, f"The body is not UTF-8 text (byte {error.start + 1}).") from None


async def understood(sent: Any, label: str) -> RuleFile:
    """Return what was sent as a rule file called `label`. Raises `Refused` with every mistake."""
    file = await asyncio.to_thread(read, sent, label)
    if not file.usable:
        raise invalid("rules", file.problems, CODE)
    return file


def read(sent: Any, label: str) -> RuleFile:
    """Return the rule file that was sent: its text, or the same as JSON, where a list is its `rules`.

    In JSON the rules are counted: line 3 is the third one.
    """
    text = sent if isinstance(sent, str) else as_text(sent)
    file = parse(text, label)
    found = {"include": file.include, "auth": file.auth}
    source = yamlsource.read(text) if any(found.values()) else None
    problems = [
        Problem(f"`{key}` cannot be sent for a session", label, *source.place((key,)), key=key, hint=SERVER_WIDE[key])
        for key in found
        if source is not None and found[key]
    ]
    problems = [*file.problems, *problems]
    if not isinstance(sent, str):
        problems = [replace(problem, column=0) for problem in problems]
    return replace(file, problems=tuple(problems))


def as_text(document: Any) -> str:
    """Return a rule file given as JSON as text, with each rule on the line of its number."""
    if isinstance(document, list):
        document = {"rules": document}
    if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
        return flow(document)
    rest = {key: value for key, value in document.items() if key != "rules"}
    rules = ",\n".join(map(flow, document["rules"]))
    return "".join(["{rules: [", rules, "]", ", " if rest else "", flow(rest)[1:-1], "}"])


def listing(session: Session, own: bool = False) -> dict[str, Any]:
    """Return the rules of a session's book in order, or with `own` only those that are the session's and not the server's."""
    ours = {id(rule) for rule in (*session.rules, *session.otherwise)}
    rules = [rule for rule in session.book.rules if not own or id(rule) in ours]
    return {"rules": [_told(rule, session, id(rule) in ours) for rule in rules]}


def _told(rule: Rule, session: Session, own: bool) -> dict[str, Any]:
    return {
        "name": rule.name,
        "place": rule.place,
        "own": own,
        "optional": rule.optional,
        "priority": rule.priority,
        "hits": session.state.hits(rule),
        "answered": session.state.used(rule),
    }


def _admit(session: Session, keys: Sequence[str]) -> None:
    """Accept these keys, too."""
    if keys:
        options = session.options
        session.behave(replace(options, auth_keys=tuple(dict.fromkeys((*options.auth_keys, *keys)))))


def _otherwise(file: RuleFile) -> tuple[Rule, ...]:
    return () if file.otherwise is None else (file.otherwise,)
