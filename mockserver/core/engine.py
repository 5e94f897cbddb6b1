"""From a request to what will be played: the whole decision, in one direction.

Start here. `Engine.answer` reads top to bottom: auth, limits, schema, match, claim, reply, timeline, journal. Each step is
a room of its own; this one decides only their order. It must not know sockets, clocks or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from mockserver.core import answers, auth, catalogue, endpoints, turns
from mockserver.core.answers import Manner, Ready
from mockserver.core.dialect import Dialect
from mockserver.core.draws import Draw
from mockserver.core.headers import Pairs, own_headers
from mockserver.core.limits import GENEROUS_HEADERS, Limit, Meter
from mockserver.core.messages import EMPTY, Ending, Exchange, Passed, Request, Violation
from mockserver.core.options import Options
from mockserver.core.reply import Auto, Error, Reply
from mockserver.core.reply import Forward as Forwarding
from mockserver.core.response import Asked
from mockserver.core.rules import misses
from mockserver.core.rules.book import Nearest, RuleBook
from mockserver.core.rules.misses import Missed
from mockserver.core.sessions import Session, Sessions
from mockserver.core.state import Claim, MemoryState, Refusal, Remembered
from mockserver.core.templates import Scope
from mockserver.core.timeline import Headers, Timeline, hurried

RESPONSE_WEIGHT: Final = 2000
"""Bytes that a remembered answer is taken to weigh besides its request."""

MOST_EXPLAINED: Final = 20
"""Misses of a session that are kept in parts. The others are kept as text."""

FORWARDED: Final = "forward"
"""What the header that names the rule says where none matched and the upstream answers."""

MOST_TOLD: Final = 2000
"""Characters of violations told in a header: clients refuse long ones. The journal has more."""


@dataclass(frozen=True, slots=True)
class Play:
    """A decision: the timeline to perform, and where its ending is to be told."""

    timeline: Timeline
    number: int
    session: Session
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Forward:
    """A decision: ask the upstream for the answer, and tell `finish` what came of it. `headers` are ours, to be added.

    The exchange has no status yet; its request is the one to pass on.
    """

    number: int
    session: Session
    exchange: Exchange
    headers: Headers

    def begun(self, status: int) -> None:
        """Tell the journal the answer's status, before the client can know it."""
        self.session.journal.amend(self.number, replace(self.exchange, status=status))


class Engine:
    """Decides every answer of one server. `book`, `limits` and `auth_keys` may be replaced between two requests."""

    def __init__(
        self,
        book: RuleBook,
        dialect: Dialect,
        options: Options | None = None,
        *,
        limits: tuple[Limit, ...] = (),
        auth_keys: tuple[str, ...] = (),
    ) -> None:
        self.dialect = dialect
        self.options = options or Options()
        self.limits = limits
        self.auth_keys = auth_keys
        self.sessions = Sessions(dialect, book, self.options)
        self.shared = MemoryState()
        self._book = book

    @property
    def book(self) -> RuleBook:
        """The server's rules. A new book begins with nothing made ahead; what was counted stays."""
        return self._book

    @book.setter
    def book(self, book: RuleBook) -> None:
        self._book = book
        self.sessions.found(book)

    def answer(self, request: Request, now: float) -> Play | Forward:
        """Decide what to answer, or that the upstream is to. A bad request never raises.

        `now` is the server's time in seconds since the epoch.
        """
        request.session = self.sessions.meant(request.session)
        session = self.sessions.find(request.session)
        request, asked = self._asked(request, session, now)
        verdict = _Verdict()
        made = self._refused(asked, session, verdict) or self._matched(asked, session, verdict)
        if made is None:
            return self._forward(request.unread(), asked, session, verdict)
        return self._play(made, request.unread(), asked, session, verdict)

    def too_large(self, request: Request, limit: int, now: float) -> Play:
        """Decide the answer to a request whose body went over `limit` bytes and was not read."""
        request.session = self.sessions.meant(request.session)
        session = self.sessions.find(request.session)
        request, asked = self._asked(request, session, now)
        verdict = _Verdict()
        error = catalogue.error("request_too_large", limit=limit)
        made = answers.refusal(error, asked, self._manner(session, "", verdict))
        return self._play(made, request, asked, session, verdict)

    def finish(self, play: Play | Forward, ending: Ending, passed: Passed | None = None) -> Exchange:
        """Tell the journal how a play ended, or a forward, with what `passed`; return its exchange.

        A play of a session that was begun afresh since then goes into the old journal, never into the new one.
        """
        exchange = play.exchange
        if passed is not None:
            exchange = replace(
                exchange, status=passed.status, kind=passed.kind, events=passed.events,
                planned=ending.sent_at, notes=exchange.notes + passed.notes, answer=passed.answer,
            )  # fmt: skip
            play.session.journal.amend(play.number, exchange)
        play.session.journal.close(play.number, ending)
        return exchange

    def _play(self, made: Ready, request: Request, asked: Asked, session: Session, verdict: _Verdict) -> Play:
        exchange = Exchange(
            request, asked.now, made.status, made.kind, verdict.rule, verdict.place, len(made.planned), made.planned,
            verdict.miss, verdict.violations, made.notes, verdict.missed,
            made.timeline if session.options.keep_answers else None,
        )  # fmt: skip
        timeline = hurried(made.timeline) if session.instant else made.timeline
        return Play(timeline, session.journal.open(exchange), session, exchange)

    def _forward(self, request: Request, asked: Asked, session: Session, verdict: _Verdict) -> Forward:
        exchange = Exchange(request, asked.now, 0, "forwarded", verdict.rule, verdict.place)
        headers = own_headers(verdict.label or FORWARDED, session.name, verdict.headers)
        return Forward(session.journal.open(exchange), session, exchange, headers)

    def _asked(self, request: Request, session: Session, now: float) -> tuple[Request, Asked]:
        """Place the request after its stored chain, and draw what its answer will need."""
        text = b"%b %b\0%b" % (request.method.encode(), request.path.encode(), request.body)
        told = [(name, request.headers[name]) for name in session.book.headers if name in request.headers]
        if told or request.query:
            text = b"%b\0%b" % (repr((told, sorted(request.query.items()))).encode(), text)
        digest = blake2b(text, digest_size=16).digest()
        draw = Draw.of(session.options.seed, session.origin, digest, session.state.occurrence(digest))
        previous = request.fields.get("previous_response_id")
        chain = None
        if isinstance(previous, str):
            chain = session.state.recall(previous)
            request = request.following(session.state.history(previous)) if chain else request
        conversation, sound = _conversation_id(request, chain, draw), session.validator.mode == "enforce"
        return request, Asked(request, draw, self.dialect, session.now(now), conversation, sound)

    def _refused(self, asked: Asked, session: Session, verdict: _Verdict) -> Ready | None:
        """Answer without looking at rules: no key, over a limit, or a body that is no request."""
        request = asked.request
        error = _ended(request) if self.sessions.has_ended(request.session) else None
        if error is None:
            error = auth.refuse(request, session.options.auth_keys + self.auth_keys)
        if error is None and self.limits:
            error = _charged(self.limits, self.shared, asked, verdict)
        if error is None and session.limits:
            error = _charged(session.limits, session.state, asked, verdict)
        if error is None and endpoints.is_create(request):
            error = self._invalid(request, session, verdict)
            if (error is not None or verdict.violations) and _is_judged(session, request):
                verdict.violations, error = (), None
        if error is None:
            return None
        made = answers.refusal(error, asked, self._manner(session, "", verdict))
        return replace(made, notes=()) if verdict.violations else made  # these tell it themselves

    def _invalid(self, request: Request, session: Session, verdict: _Verdict) -> Error | None:
        validator = session.validator
        error = validator.refuse_body(request)
        if error is None:
            verdict.violations = validator.violations(request)
            if verdict.violations and validator.mode == "enforce":
                return validator.error_for(verdict.violations)
        return error

    def _matched(self, asked: Asked, session: Session, verdict: _Verdict) -> Ready | None:
        """Match, claim and reply; else a built-in endpoint, else a miss. None: the upstream is to answer."""
        request = asked.request
        claimed = session.state.claim(
            session.book.candidates(request),
            lambda rule: turns.due([reply for reply, _ in rule.replies], request.conversation),
            session.options.exhausted,
            session.book.series,
        )
        if isinstance(claimed, Claim):
            rule = claimed.rule
            verdict.rule, verdict.place = rule.name, rule.place
            if session.options.upstream and isinstance(claimed.reply.kind, Forwarding):
                verdict.label, verdict.headers = rule.label, claimed.reply.headers
                return None
            return self._replied(claimed, asked, session, verdict)
        if session.options.on_miss == "forward" and session.options.upstream and endpoints.is_api(request):
            return None
        if not endpoints.is_create(request):
            return self._built_in(claimed, asked, session, verdict)
        return self._missed(claimed, asked, session, verdict)

    def _replied(self, claim: Claim, asked: Asked, session: Session, verdict: _Verdict) -> Ready:
        rule = claim.rule
        groups = rule.groups
        scope = Scope(asked.request, claim.hit, claim.state, lambda: groups(asked.request) if groups else EMPTY)
        made = answers.ready(claim.reply, asked, scope, self._manner(session, rule.label, verdict), session.shelf)
        self._remember(made, asked, session)
        return made

    def _built_in(self, refusals: tuple[Refusal, ...], asked: Asked, session: Session, verdict: _Verdict) -> Ready:
        request = asked.request
        if any(refusal.rule.alike for refusal in refusals):
            return self._told(session.book.nearest(request, refusals), asked, session, verdict)  # it was played
        body = endpoints.answer(request, session.book.models)
        manner = self._manner(session, "", verdict)
        if not isinstance(body, Error):
            return answers.document(body, asked, manner)
        made = answers.refusal(body, asked, manner)
        if endpoints.is_astray(request, body):
            nearest = session.book.nearest(request, refusals)
            if misses.is_of_its_endpoint(nearest):
                return self._told(nearest, asked, session, verdict)
            self._note_miss(nearest, request, session, verdict)
            return replace(made, kind="miss")
        return made

    def _missed(self, refusals: tuple[Refusal, ...], asked: Asked, session: Session, verdict: _Verdict) -> Ready:
        if session.options.on_miss == "auto":
            scope = Scope(asked.request, 0, EMPTY, lambda: EMPTY)
            made = answers.ready(Reply(Auto()), asked, scope, self._manner(session, "", verdict), session.shelf)
            self._remember(made, asked, session)
            return made
        return self._told(session.book.nearest(asked.request, refusals), asked, session, verdict)

    def _told(self, nearest: Nearest | None, asked: Asked, session: Session, verdict: _Verdict) -> Ready:
        """Answer a miss: with what came nearest, for the client too."""
        self._note_miss(nearest, asked.request, session, verdict)
        error = catalogue.error("no_matching_rule", message=misses.brief(asked.request, nearest))
        made = answers.refusal(error, asked, self._manner(session, "", verdict))
        return replace(made, kind="miss", notes=())

    def _note_miss(self, nearest: Nearest | None, request: Request, session: Session, verdict: _Verdict) -> None:
        verdict.miss = misses.describe(request, nearest)
        if session.journal.misses < MOST_EXPLAINED:
            verdict.missed = Missed(request, nearest)

    def _remember(self, made: Ready, asked: Asked, session: Session) -> None:
        """Keep an answered response, so that later requests can continue from it; `store: false` is honoured."""
        request = asked.request
        if not made.response_id or request.fields.get("store") is False:
            return
        body, output = request.body, made.output
        previous = request.fields.get("previous_response_id")
        session.state.remember(
            made.response_id,
            Remembered(
                asked.conversation,
                lambda: [*Request("POST", endpoints.RESPONSES, body=body).conversation.input, *output()],
                previous if isinstance(previous, str) else None,
                len(body) + RESPONSE_WEIGHT,
            ),
        )

    def _manner(self, session: Session, rule: str, verdict: _Verdict) -> Manner:
        extra = verdict.limits
        if verdict.violations and session.options.validate == "warn":
            told = "; ".join(violation.message for violation in verdict.violations)
            extra += (("x-mock-violations", told if len(told) <= MOST_TOLD else f"{told[: MOST_TOLD - 3]}..."),)
        return Manner(session.options.speed, rule, session.name, extra, session.instant)


@dataclass(slots=True)
class _Verdict:
    """What the steps of one decision find out for the journal and the headers."""

    limits: tuple[tuple[str, str], ...] = GENEROUS_HEADERS
    rule: str = ""
    place: str = ""
    label: str = ""
    headers: Pairs = ()
    miss: str = ""
    missed: Missed | None = None
    violations: tuple[Violation, ...] = ()


def _charged(limits: tuple[Limit, ...], state: MemoryState, asked: Asked, verdict: _Verdict) -> Error | None:
    charge = state.take("limits", lambda meter: Meter.charge(meter, limits, asked.request, asked.now))
    verdict.limits = charge.headers
    return charge.error(asked.request)


def _is_judged(session: Session, request: Request) -> bool:
    """Say whether a recording or the upstream answers this request: then the real API judges its body, not we."""
    if not session.options.upstream and not session.book.series:
        return False
    first = next(session.book.candidates(request), None)
    if first is not None and first.alike:
        return True
    if not session.options.upstream:
        return False
    if first is None:
        return session.options.on_miss == "forward"
    return all(isinstance(reply.kind, Forwarding) for reply, _ in first.replies)


def _ended(request: Request) -> Error:
    return catalogue.error("session_ended", session=request.session)


def _conversation_id(request: Request, chain: Remembered | None, draw: Draw) -> str:
    """Return the request's own conversation, else its chain's, else one made up for it."""
    given = request.fields.get("conversation")
    if isinstance(given, Mapping):
        given = given.get("id")
    if isinstance(given, str):
        return given
    return chain.conversation if chain else draw.identifier("conv_", "conversation")
