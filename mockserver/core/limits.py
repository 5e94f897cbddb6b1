"""Rate limits: token buckets as values, pure arithmetic on them, and the headers that tell a client where it stands.

This room decides whether a request fits and how long to wait until it would. It must not know the clock (`now` is
passed in) or where buckets are kept (`state` does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from mockserver.core import catalogue
from mockserver.core.errors import Report, nearest
from mockserver.core.messages import Request
from mockserver.core.reply import Error
from mockserver.core.usage import input_tokens
from mockserver.core.waits import with_wait

Measure: TypeAlias = Literal["requests", "tokens"]
Per: TypeAlias = Literal["key", "model", "session", "all"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
PER: Final[tuple[Per, ...]] = get_args(Per)

GENEROUS: Final[Mapping[Measure, int]] = {"requests": 10_000, "tokens": 10_000_000}
"""What the headers speak of where no limit is set."""
_SLACK: Final = 1e-6
"""A bucket this little short counts as full enough: refilling is done in floating point."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many `requests` and `tokens` per minute (None: no bound), counted for each `per` apart."""

    requests: int | None = None
    tokens: int | None = None
    per: Per = "all"

    def bound(self, measure: Measure) -> int | None:
        """Return the bound per minute of one measure."""
        return self.requests if measure == "requests" else self.tokens


class Bucket(NamedTuple):
    """What was left (`level`) at one moment (`at`, in seconds). It refills evenly, from empty to full in a minute."""

    level: float
    at: float


class Taken(NamedTuple):
    """What taking from a bucket came to. When not `ok` nothing was taken.

    `remaining` is whole units left; `reset_ms` how long until the bucket is full; `wait_ms` how long until this cost
    would fit (0 when it did; the whole minute when it never will).
    """

    bucket: Bucket
    ok: bool
    remaining: int
    reset_ms: float
    wait_ms: float


def take(bucket: Bucket | None, per_minute: int, now: float, cost: float = 1) -> Taken:
    """Take `cost` from a bucket that holds `per_minute` when full (None: it is full), at `now` in seconds.

    A clock that was set back neither fills nor drains.
    """
    level = float(per_minute) if bucket is None else refilled(bucket, per_minute, now)
    ok = level >= cost - _SLACK
    if ok:
        level = max(0.0, level - cost)
    wait = 0.0 if ok else (min(cost, per_minute) - level) * 60_000 / per_minute
    if cost > per_minute:
        wait = 60_000.0
    reset = (per_minute - level) * 60_000 / per_minute
    return Taken(Bucket(level, now), ok, int(level + _SLACK), reset, wait)


def refilled(bucket: Bucket, per_minute: int, now: float) -> float:
    """Return what a bucket holds at `now`. A full one need not be kept."""
    return min(float(per_minute), bucket.level + max(0.0, now - bucket.at) * per_minute / 60)


BucketKey: TypeAlias = tuple[int, str, Measure]
"""Which limit (its index), for whom (`subject`), which measure."""


class Refusal(NamedTuple):
    """The bound that a request broke, and how long until it would fit."""

    limit: Limit
    measure: Measure
    bound: int
    wait_ms: float


class Charge(NamedTuple):
    """What one request came to: buckets to keep, the refusal if there is one, and the headers for either answer."""

    buckets: Mapping[BucketKey, Bucket]
    refusal: Refusal | None
    headers: tuple[tuple[str, str], ...]

    def error(self, request: Request) -> Error | None:
        """Return the provider's 429 with the true wait and the rate-limit headers, None when nothing was refused."""
        if self.refusal is None:
            return None
        name = "rate_limit_exceeded" if self.refusal.measure == "requests" else "token_rate_limit_exceeded"
        wait = self.refusal.wait_ms
        told = catalogue.error(
            name,
            model=request.fields.get("model", "this server"),
            limit=self.refusal.bound,
            again=f" Try again in {spell(wait)}.",
            headers=self.headers,
        )
        return with_wait(told, wait)


def subject(limit: Limit, request: Request) -> str:
    """Return for whom this limit counts the request."""
    match limit.per:
        case "key":
            return request.headers.get("authorization", "")
        case "model":
            return str(request.fields.get("model", ""))
        case "session":
            return request.session
        case "all":
            return ""


def charge(
    limits: Sequence[Limit], buckets: Mapping[BucketKey, Bucket], request: Request, now: float, tokens: int
) -> Charge:
    """Take one request and its `tokens` from every bucket it falls under, or nothing at all if one refuses.

    Of several refusals the longest wait is told; of several limits the headers tell the one nearest to its bound.
    """
    takings = [
        (limit, measure, bound, (index, subject(limit, request), measure))
        for index, limit in enumerate(limits)
        for measure in MEASURES
        if (bound := limit.bound(measure)) is not None
    ]
    kept: dict[BucketKey, Bucket] = {}
    told: dict[Measure, tuple[int, Taken]] = {}
    refusal: Refusal | None = None
    for limit, measure, bound, key in takings:
        taken = take(buckets.get(key), bound, now, 1 if measure == "requests" else tokens)
        if taken.ok:
            kept[key] = taken.bucket
        elif refusal is None or taken.wait_ms > refusal.wait_ms:
            refusal = Refusal(limit, measure, bound, taken.wait_ms)
        tightest = told.get(measure)
        if tightest is None or taken.remaining / bound < tightest[1].remaining / tightest[0]:
            told[measure] = (bound, taken)
    if refusal is not None:
        kept = {}
    return Charge(kept, refusal, headers(told) if told else GENEROUS_HEADERS)


def headers(standings: Mapping[Measure, tuple[int, Taken]]) -> tuple[tuple[str, str], ...]:
    """Return the six rate-limit headers for each measure's bound and standing; generous where there is none."""
    pairs = []
    for measure in MEASURES:
        bound, taken = standings.get(measure) or (GENEROUS[measure], take(None, GENEROUS[measure], 0.0))
        pairs += [
            (f"x-ratelimit-limit-{measure}", str(bound)),
            (f"x-ratelimit-remaining-{measure}", str(taken.remaining)),
            (f"x-ratelimit-reset-{measure}", spell(taken.reset_ms)),
        ]
    return tuple(pairs)


def spell(ms: float) -> str:
    """Return a duration as rate-limit headers write it: `20ms`, `1s`, `1.25s`, `6m0s`; rounded up to milliseconds."""
    whole = ceil(ms - _SLACK)
    if whole < 1000:
        return f"{max(0, whole)}ms"
    minutes, rest = divmod(whole, 60_000)
    seconds = f"{rest // 1000}.{rest % 1000:03}".rstrip("0").rstrip(".")
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def spent(error: Error) -> tuple[tuple[str, str], ...]:
    """Return the headers of an injected rate limit: nothing is left, and when it is back; () for any other error."""
    measure = _SPENT.get(error.name)
    if measure is None:
        return ()
    wait = dict(error.headers).get("retry-after-ms")
    reset = () if wait is None else ((f"x-ratelimit-reset-{measure}", spell(float(wait))),)
    return ((f"x-ratelimit-remaining-{measure}", "0"), *reset)


_SPENT: Final[Mapping[str, Measure]] = {"rate_limit_exceeded": "requests", "token_rate_limit_exceeded": "tokens"}
GENEROUS_HEADERS: Final = headers({})
"""Made once, for servers without limits."""

MOST_BUCKETS: Final = 10_000
"""How many buckets one meter keeps: whoever invents a new key for every request cannot fill the memory."""


@dataclass(frozen=True, slots=True)
class Meter:
    """All buckets of one server or session, as one value."""

    buckets: Mapping[BucketKey, Bucket] = field(default_factory=lambda: MappingProxyType({}))

    @staticmethod
    def charge(meter: Meter | None, limits: Sequence[Limit], request: Request, now: float) -> tuple[Meter, Charge]:
        """Charge a request and its input tokens; return the meter to keep (None: a fresh one) and what came of it.

        Beyond `MOST_BUCKETS` the ones used longest ago are forgotten, which is as if they had filled up.
        """
        meter = meter or Meter()
        made = charge(limits, meter.buckets, request, now, input_tokens(request))
        if not made.buckets:
            return meter, made
        kept = {key: bucket for key, bucket in meter.buckets.items() if key not in made.buckets}
        for key in list(kept)[: max(0, len(kept) + len(made.buckets) - MOST_BUCKETS)]:
            del kept[key]
        return Meter(MappingProxyType({**kept, **made.buckets})), made


def compile_limits(value: Any, report: Report, path: tuple[str | int, ...]) -> tuple[Limit, ...]:
    """Return the limits an author wrote: one mapping of `requests`, `tokens`, `per`, or a list of them.

    Mistakes go to `report`; what is wrong is left out.
    """
    if isinstance(value, list):
        found = [_compile(one, report, (*path, index)) for index, one in enumerate(value)]
    else:
        found = [_compile(value, report, path)]
    return tuple(limit for limit in found if limit is not None)


def _compile(value: Any, report: Report, path: tuple[str | int, ...]) -> Limit | None:
    if not isinstance(value, dict):
        report(path, f"expected a mapping of {', '.join(MEASURES)} and per, got {value!r}", "limits: {requests: 60}")
        return None
    bounds: dict[str, int] = {}
    per: Per = "all"
    for key, given in value.items():
        here = (*path, key)
        if key in MEASURES:
            if isinstance(given, int) and not isinstance(given, bool) and given > 0:
                bounds[key] = given
            else:
                report(here, f"expected a whole number per minute, at least 1, got {given!r}")
        elif key == "per":
            if given in PER:
                per = given
            else:
                report(here, f"expected one of {', '.join(PER)}, got {given!r}")
        else:
            like = nearest(str(key), (*MEASURES, "per"))
            report(here, f"unknown key {key!r}", f"did you mean `{like}`?" if like else "known: requests, tokens, per")
    if not bounds:
        report(path, "a limit needs `requests` or `tokens` per minute")
        return None
    return Limit(bounds.get("requests"), bounds.get("tokens"), per)
