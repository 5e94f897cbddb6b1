"""Token buckets against the clock they are given, and the headers that tell of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.limits import (
    GENEROUS_HEADERS,
    Bucket,
    BucketKey,
    Limit,
    Meter,
    charge,
    compile_limits,
    refilled,
    spell,
    subject,
    take,
)
from mockserver.core.messages import Request


def request(**headers: str) -> Request:
    return Request("POST", "/v1/responses", headers=headers, body=b'{"model": "m", "input": "hi"}', session="s")


def test_a_bucket_holds_a_minute_and_refills_evenly() -> None:
    """Sixty a minute: sixty at once, then none, then one more each second."""
    bucket = None
    for left in range(59, -1, -1):
        taken = take(bucket, 60, 100.0)
        assert (taken.ok, taken.remaining) == (True, left)
        bucket = taken.bucket
    refused = take(bucket, 60, 100.0)
    assert (refused.ok, refused.remaining, refused.wait_ms, refused.reset_ms) == (False, 0, 1000, 60_000)
    assert take(refused.bucket, 60, 100.999).ok is False
    assert take(refused.bucket, 60, 101.0).ok is True
    assert take(refused.bucket, 60, 200.0).remaining == 59


def test_a_cost_over_the_whole_bucket_never_fits() -> None:
    taken = take(None, 10, 0.0, 11)
    assert (taken.ok, taken.wait_ms) == (False, 60_000)


def test_a_clock_set_back_neither_fills_nor_drains() -> None:
    assert refilled(Bucket(3.0, 100.0), 60, 50.0) == 3.0


@settings(max_examples=60)
@given(
    st.integers(1, 600),
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 20)), max_size=40),
)
def test_no_window_lets_more_than_its_share_through(per_minute: int, steps: list[tuple[float, int]]) -> None:
    """Whatever the pace, at most a full bucket and what flowed in since were taken, and waiting as told is enough."""
    bucket, now, passed = None, 1000.0, 0
    for pause, cost in steps:
        now += pause
        taken = take(bucket, per_minute, now, cost)
        bucket = taken.bucket
        assert 0 <= taken.remaining <= per_minute
        assert 0 <= taken.reset_ms <= 60_000
        if taken.ok:
            passed += cost
            assert taken.wait_ms == 0
        elif cost <= per_minute:
            assert take(bucket, per_minute, now + taken.wait_ms / 1000, cost).ok
    assert passed <= per_minute + (now - 1000.0) * per_minute / 60 + 0.001


SPELLED = [(0, "0ms"), (0.4, "1ms"), (20, "20ms"), (999.2, "1s"), (1000, "1s"), (1250, "1.25s"), (60_000, "1m0s")]


@pytest.mark.parametrize(("ms", "text"), [*SPELLED, (360_000, "6m0s"), (61_500, "1m1.5s")])
def test_durations_are_spelled_as_the_api_does(ms: float, text: str) -> None:
    assert spell(ms) == text


@given(st.integers(0, 10_000_000))
def test_spelled_durations_read_back(ms: int) -> None:
    """Nothing is lost in spelling whole milliseconds."""
    text = spell(ms)
    found = re.fullmatch(r"(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:(\d+)ms)?", text)
    assert found, text
    minutes, seconds, rest = found.groups()
    assert round(int(minutes or 0) * 60_000 + float(seconds or 0) * 1000 + int(rest or 0)) == ms


@pytest.mark.parametrize(("per", "whom"), [("key", "Bearer k"), ("model", "m"), ("session", "s"), ("all", "")])
def test_for_whom_a_limit_counts(per: Any, whom: str) -> None:
    assert subject(Limit(requests=1, per=per), request(authorization="Bearer k")) == whom


def test_without_limits_the_headers_are_generous() -> None:
    made = charge((), {}, request(), 0.0, 5)
    assert made.refusal is None
    assert made.buckets == {}
    assert made.headers == GENEROUS_HEADERS
    assert dict(GENEROUS_HEADERS)["x-ratelimit-limit-requests"] == "10000"
    assert dict(GENEROUS_HEADERS)["x-ratelimit-reset-requests"] == "6ms"


def test_two_keys_have_two_buckets() -> None:
    limits = (Limit(requests=1, per="key"),)
    buckets: dict[BucketKey, Bucket] = {}
    for key, fits in (("a", True), ("a", False), ("b", True)):
        made = charge(limits, buckets, request(authorization=key), 0.0, 5)
        buckets.update(made.buckets)
        assert (made.refusal is None) is fits


def test_a_refusal_takes_nothing() -> None:
    """The request fits, its tokens do not: neither bucket changes, and the headers still tell both."""
    limits = (Limit(requests=10, tokens=100),)
    first = charge(limits, {}, request(), 0.0, 90)
    second = charge(limits, first.buckets, request(), 0.0, 20)
    assert second.refusal is not None
    assert (second.refusal.measure, second.refusal.bound) == ("tokens", 100)
    assert second.refusal.wait_ms == pytest.approx(6000)
    assert second.buckets == {}
    told = dict(second.headers)
    assert told["x-ratelimit-limit-tokens"] == "100"
    assert told["x-ratelimit-remaining-tokens"] == "10"
    assert told["x-ratelimit-reset-tokens"] == "54s"


def test_the_tightest_of_several_limits_is_told() -> None:
    limits = (Limit(requests=1000), Limit(requests=3, per="session"))
    told = dict(charge(limits, {}, request(), 0.0, 1).headers)
    assert told["x-ratelimit-limit-requests"] == "3"
    assert told["x-ratelimit-remaining-requests"] == "2"
    assert told["x-ratelimit-reset-requests"] == "20s"


def test_a_meter_refuses_with_the_providers_error() -> None:
    """The 429 tells the true wait, in the message and in both headers, and where the client stands."""
    limits = (Limit(requests=2),)
    meter: Meter | None = None
    for _ in range(2):
        meter, made = Meter.charge(meter, limits, request(), 50.0)
        assert made.error(request()) is None
    meter, made = Meter.charge(meter, limits, request(), 55.0)
    error = made.error(request())
    assert error is not None
    assert error.status == 429
    assert error.body["error"]["type"] == "requests"
    assert error.body["error"]["code"] == "rate_limit_exceeded"
    assert "for m on requests per min (RPM): limit 2. Try again in 25s." in error.body["error"]["message"]
    told = dict(error.headers)
    assert (told["retry-after"], told["retry-after-ms"]) == ("25", "25000")
    assert told["x-ratelimit-remaining-requests"] == "0"
    assert Meter.charge(meter, limits, request(), 80.0)[1].refusal is None


def test_tokens_are_those_of_the_input() -> None:
    limits = (Limit(tokens=100),)
    long = Request("POST", "/v1/responses", body=b'{"model": "m", "input": "%b"}' % (b"x" * 400))
    meter, made = Meter.charge(None, limits, long, 0.0)
    assert made.refusal is None
    error = Meter.charge(meter, limits, request(), 0.0)[1].error(request())
    assert error is not None
    assert error.body["error"]["type"] == "tokens"


def test_a_meter_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """New keys push out the keys used longest ago, and no others."""
    monkeypatch.setattr("mockserver.core.limits.MOST_BUCKETS", 3)
    meter: Meter | None = None
    for key in "abcab":
        meter, _ = Meter.charge(meter, (Limit(requests=9, per="key"),), request(authorization=key), 0.0)
    meter, _ = Meter.charge(meter, (Limit(requests=9, per="key"),), request(authorization="d"), 0.0)
    assert sorted(key[1] for key in meter.buckets) == ["a", "b", "d"]


class Reported:
    def __init__(self) -> None:
        self.mistakes: list[tuple[tuple[str | int, ...], str, str]] = []

    def __call__(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        self.mistakes.append((path, message, hint))


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        ({"requests": 60}, (Limit(requests=60),)),
        ({"tokens": 1000, "per": "model"}, (Limit(tokens=1000, per="model"),)),
        ([{"requests": 1}, {"requests": 2, "per": "key"}], (Limit(requests=1), Limit(requests=2, per="key"))),
    ],
)
def test_written_limits(value: Any, limits: tuple[Limit, ...]) -> None:
    report = Reported()
    assert compile_limits(value, report, ("limits",)) == limits
    assert report.mistakes == []


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        (60, ("limits",), "mapping"),
        ({"requests": 0}, ("limits", "requests"), "at least 1"),
        ({"requests": True}, ("limits", "requests"), "at least 1"),
        ({"requests": 5, "per": "user"}, ("limits", "per"), "key, model, session, all"),
        ({"request": 5}, ("limits", "request"), "unknown key"),
        ({"per": "key"}, ("limits",), "needs"),
        ([{"requests": "x"}], ("limits", 0, "requests"), "whole number"),
    ],
)
def test_mistakes_in_limits_are_reported_where_they_are(value: Any, path: tuple[str | int, ...], words: str) -> None:
    report = Reported()
    compile_limits(value, report, ("limits",))
    assert any(path == at and words in message for at, message, _ in report.mistakes)
