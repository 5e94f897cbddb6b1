"""What passes and in which pieces: addresses, headers, encodings, frames, and the engine's decision."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.engine import Engine, Forward, Play
from mockserver.core.forwarding import headers
from mockserver.core.forwarding.address import Address, Astray
from mockserver.core.forwarding.encodings import BrokenEncoding, Unpacker, can_undo
from mockserver.core.forwarding.pieces import MOST_FRAMED, Frames, Part, Whole
from mockserver.core.forwarding.stranded import stranded
from mockserver.core.journal import weight
from mockserver.core.messages import Ending, Passed, Request
from mockserver.core.options import Options
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import RuleBook
from mockserver.core.timeline import Chunk, Finish, Head, Timeline
from tests.core.answering import dialect

# --- addresses


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        (" https://API.openai.com:443/v1/ ", "https://api.openai.com/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:80/a/b//", "http://[::1]/a/b"),
        ("https://bücher.example/v1", "https://xn--bcher-kva.example/v1"),
        ("https://host/openai/deployments/my%20one", "https://host/openai/deployments/my%20one"),
    ],
)
def test_a_base_url_is_understood(text: str, shown: str) -> None:
    address = Address.read(text)
    assert str(address) == shown
    assert Address.read(shown) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("api.openai.com/v1", "expected a URL such as"),
        ("ftp://host/v1", "expected a URL such as"),
        ("https:///v1", "expected a URL such as"),
        ("https://host:99999/v1", "expected a URL such as"),
        ("https://host:x/v1", "expected a URL such as"),
        ("https://[::1/v1", "expected a URL such as"),
        ("https://ho st/v1", "expected a URL such as"),
        ("https://me:pass@host/v1", r"without user and password, got 'https://\*\*\*@host/v1'"),
        ("https://:@host/v1", "without user and password"),
        ("https://host/v1?key=1", r"without `\?` and `#`"),
        ("https://host/v1#x", r"without `\?` and `#`"),
        ("https://host/v1/responses", "leave /responses out"),
        ("https://host/v1/responses/", "leave /responses out"),
        ("https://" + "a" * 80 + ".example/v1", "no host name"),
    ],
)
def test_what_is_no_base_url_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Address.read(text)


@given(st.binary(max_size=40), st.binary(max_size=10))
@settings(max_examples=200)
def test_a_target_stays_below_the_base_and_can_be_sent(rest: bytes, query: bytes) -> None:
    """Whatever is asked for: refused, or below the base in visible ASCII with every percent-encoding kept."""
    address = Address.read("http://host/base")
    try:
        target = address.target(b"/v1/" + rest, query)
    except Astray:
        return
    assert target.startswith(b"/base/")
    assert all(0x21 <= byte <= 0x7E for byte in target)
    assert b".." not in target.partition(b"?")[0].replace(b"\\", b"/").split(b"/")


def test_a_path_that_is_encoded_without_end_is_refused() -> None:
    """At a bounded cost: a path may be long."""
    with pytest.raises(Astray):
        Address.read("http://host/base").target(b"/v1/%" + b"25" * 20_000)


# --- headers

PAIRS = [(b"Connection", b"X-Hop , close"), (b"x-hop", b"1"), (b"X-Mock-Rule", b"r"), (b"A", b"1"), (b"a", b"2")]


def test_what_belongs_to_the_connection_stays_behind() -> None:
    assert headers.downwards(PAIRS, 200) == ((b"a", b"1"), (b"a", b"2"))
    told = headers.upwards([*PAIRS, (b"Host", b"here"), (b"Content-Length", b"9")], "GET", "there", 0)
    assert told == [(b"host", b"there"), (b"a", b"1"), (b"a", b"2"), (b"accept-encoding", b"identity")]


@pytest.mark.parametrize(("method", "length", "said"), [("GET", 0, []), ("GET", 3, [b"3"]), ("POST", 0, [b"0"])])
def test_a_body_says_its_length(method: str, length: int, said: list[bytes]) -> None:
    told = headers.upwards([(b"transfer-encoding", b"chunked")], method, "there", length)
    assert [value for name, value in told if name == b"content-length"] == said
    assert b"transfer-encoding" not in dict(told)


def test_a_length_is_told_only_where_it_is_true() -> None:
    length, packed = (b"content-length", b"5"), (b"content-encoding", b"gzip")
    assert headers.downwards([length, packed], 200) == (length, packed)
    assert headers.downwards([length, packed], 200, undone=True) == ()
    assert headers.downwards([length], 204) == ()
    assert headers.downwards([length, (b"Transfer-Encoding", b"chunked")], 200) == ()


def test_our_headers_take_the_place_of_theirs() -> None:
    assert headers.under(((b"a", b"1"), (b"b", b"2")), ((b"b", b"3"),)) == ((b"a", b"1"), (b"b", b"3"))


# --- encodings

BODIES = st.binary(max_size=300)
PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "x-gzip": lambda body: gzip.compress(body[:7]) + gzip.compress(body[7:]) + b"\0\0",
}


@given(BODIES, st.lists(st.sampled_from(sorted(PACKERS)), min_size=1, max_size=3), st.integers(1, 50))
@settings(max_examples=100)
def test_encodings_are_undone_however_the_bytes_come(body: bytes, codings: list[str], size: int) -> None:
    assert can_undo(codings)
    packed = body
    for coding in codings:
        packed = PACKERS[coding](packed)
    unpacker = Unpacker(codings)
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert b"".join(plain for piece in pieces for plain in unpacker.feed(piece)) == body
    unpacker.close()


@given(BODIES.filter(bool), st.sampled_from(["gzip", "deflate"]), st.integers(1, 1000))
@settings(max_examples=60)
def test_a_body_that_ends_too_early_is_noticed(body: bytes, coding: str, keep: int) -> None:
    packed = PACKERS[coding](body)
    unpacker = Unpacker([coding])
    plain = b"".join(unpacker.feed(packed[: min(keep, len(packed) - 1)]))
    assert body.startswith(plain)
    with pytest.raises(BrokenEncoding):
        unpacker.close()


def test_what_follows_a_deflated_body_is_noticed() -> None:
    with pytest.raises(BrokenEncoding, match="bytes follow"):
        list(Unpacker(["deflate"]).feed(zlib.compress(b"x") + b"y"))


def test_what_cannot_be_undone_is_known_before() -> None:
    assert not can_undo(headers.codings([(b"Content-Encoding", b"gzip, br")]))
    assert can_undo(headers.codings([(b"Content-Encoding", b"identity, GZIP"), (b"content-encoding", b"deflate")]))
    assert not can_undo(headers.codings([(b"content-encoding", b"identity")]))
    assert not can_undo(headers.codings([]))


# --- pieces

STREAMS = st.lists(
    st.sampled_from(
        [b"data: x", b"event: e", b": c", b"id: 1", b"\r", b"\n", b"\r\n", b"\n\n", b"\r\r", b"\xef\xbb\xbf"]
    ),
    max_size=25,
).map(b"".join)


def cut(stream: bytes, sizes: list[int]) -> list[list[Part]]:
    """Feed a stream in pieces of these sizes (again and again); return what came out at each, and at the end."""
    frames, parts, at, turn = Frames(), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        parts.append(frames.feed(stream[at : at + size]))
        at, turn = at + size, turn + 1
    return [*parts, frames.close()]


@given(STREAMS, st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(max_examples=300)
def test_every_byte_passes_and_every_event_is_counted_however_it_is_cut(stream: bytes, sizes: list[int]) -> None:
    parts = [part for each in cut(stream, sizes) for part in each]
    assert b"".join(part.data for part in parts) == stream
    whole = [part for each in cut(stream, [len(stream) or 1]) for part in each]
    assert sum(part.event for part in parts) == sum(part.event for part in whole)


def joined(parts: list[Part]) -> list[bytes]:
    pieces: list[bytes] = []
    for part in parts:
        if part.ends_piece_before:
            pieces[-1] += part.data
        else:
            pieces.append(part.data)
    return pieces


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_the_pieces_are_the_frames(size: int) -> None:
    """Wherever the network cuts, also between the CR and the LF that end a frame."""
    frames = [b"data: a\r\n\r\n", b"data: b\r\n\r\n", b": c\r\n\r\n"]
    parts = cut(b"".join(frames), [size])
    assert joined([part for each in parts for part in each]) == frames
    assert [len(each) for each in parts[-1:]] == [0]


def test_a_lone_cr_holds_nothing_back() -> None:
    frames = Frames()
    assert frames.feed(b"data: a\r\r") == [Part(b"data: a\r\r", event=True)]
    assert frames.feed(b"data: b\r\r") == [Part(b"data: b\r\r", event=True)]
    assert frames.feed(b"data: c\r") == []
    assert frames.feed(b"\n\r") == [Part(b"data: c\r\n\r", event=True)]
    assert frames.feed(b"\n") == [Part(b"\n", ends_piece_before=True)]
    assert frames.close() == []


def test_a_frame_without_end_is_let_go_and_in_the_end_not_looked_at() -> None:
    frames, block = Frames(), b"x" * (2 * 1024 * 1024)
    assert frames.feed(b"data: ") == []
    assert frames.feed(block) == [Part(b"data: " + block)]
    assert frames.feed(b"y") == []
    for _ in range(MOST_FRAMED // len(block)):
        frames.feed(block)
    assert frames.feed(b"\n\n") == [Part(b"\n\n")]
    assert frames.close() == []


def test_other_bodies_pass_as_they_come() -> None:
    assert [*Whole().feed(b"a\n\nb"), *Whole().feed(b""), *Whole().close()] == [Part(b"a\n\nb")]


# --- the decision

RULES = """
rules:
  - {name: ours, when: {input: ours}, reply: {text: hi}}
  - {name: theirs, when: {input: theirs}, reply: {forward: true, headers: {x-more: 'yes'}}}
  - {name: mixed, when: {input: mixed}, replies: [{forward: true}, {text: mine}]}
"""
UPSTREAM = "https://api.example/v1"


def ask(said: str, path: str = "/v1/responses", method: str = "POST", **options: object) -> Play | Forward:
    body = b'{"model":"m","input":"%b"}' % said.encode()
    engine = Engine(RuleBook(parse(RULES, "f").rules), dialect("standard"), Options(**options))  # type: ignore[arg-type]
    return engine.answer(Request(method, path, headers={"content-type": "application/json"}, body=body), 0.0)


def decided(decision: Play | Forward) -> str:
    return "forward" if isinstance(decision, Forward) else f"{decision.exchange.status} {decision.exchange.kind}"


@pytest.mark.parametrize(
    ("said", "path", "on_miss", "what"),
    [
        ("ours", "/v1/responses", "forward", "200 json"),
        ("theirs", "/v1/responses", "error", "forward"),
        ("mixed", "/v1/responses", "error", "forward"),
        ("other", "/v1/responses", "error", "404 miss"),
        ("other", "/v1/responses", "auto", "200 json"),
        ("other", "/v1/responses", "forward", "forward"),
        ("other", "/v1/chat/completions", "forward", "forward"),
        ("other", "/elsewhere", "forward", "404 miss"),
    ],
)
def test_who_answers(said: str, path: str, on_miss: str, what: str) -> None:
    assert decided(ask(said, path, on_miss=on_miss, upstream=UPSTREAM)) == what


def test_built_in_endpoints_give_way_to_the_upstream() -> None:
    assert decided(ask("", "/v1/models", "GET", on_miss="forward", upstream=UPSTREAM)) == "forward"
    assert decided(ask("", "/v1/models", "GET", upstream=UPSTREAM)) == "200 builtin"


def test_without_an_upstream_nothing_is_forwarded() -> None:
    """An engine is told of its upstream; rules alone open no connection."""
    assert decided(ask("other", on_miss="forward")) == "404 miss"
    refused = ask("theirs")
    assert decided(refused) == "500 error"
    assert isinstance(refused, Play)
    assert b"give --upstream URL" in refused.timeline.steps[1].data  # type: ignore[union-attr]


def test_a_forward_says_who_sent_it() -> None:
    decision = ask("theirs", upstream=UPSTREAM)
    assert isinstance(decision, Forward)
    assert decision.exchange.kind == "forwarded"
    assert (decision.exchange.rule, decision.exchange.status) == ("theirs", 0)
    assert dict(decision.headers) == {b"x-mock-session": b"default", b"x-mock-rule": b'f:4 "theirs"', b"x-more": b"yes"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": 1}', b'{"model":"m","input":"x","new":1}'])
def test_the_real_api_judges_what_it_answers(body: bytes) -> None:
    engine = Engine(RuleBook(()), dialect("standard"), Options(on_miss="forward", upstream=UPSTREAM))
    request = Request("POST", "/v1/responses", headers={"content-type": "application/json"}, body=body)
    decision = engine.answer(request, 0.0)
    assert isinstance(decision, Forward)
    assert decision.exchange.violations == ()


def test_keys_and_limits_count_before_the_upstream_is_asked() -> None:
    options = Options(on_miss="forward", upstream=UPSTREAM, auth_keys=("right",))
    engine = Engine(RuleBook(()), dialect("standard"), options)
    decision = engine.answer(Request("POST", "/v1/responses", body=b"{}"), 0.0)
    assert decided(decision) == "401 rejection"


def test_the_journal_learns_at_the_end_what_passed() -> None:
    engine = Engine(RuleBook(()), dialect("standard"), Options(on_miss="forward", upstream=UPSTREAM))
    decision = engine.answer(Request("POST", "/v1/responses", body=b"{}"), 0.0)
    journal = decision.session.journal
    before = journal.weight
    answer = Timeline((Head(0, 201, ()), Chunk(0, b"x" * 1000), Finish(0)))
    exchange = engine.finish(decision, Ending("cut", 5.0, 10), Passed(201, 3, ("why",), answer))
    assert (exchange.status, exchange.kind, exchange.events, exchange.notes) == (201, "forwarded", 3, ("why",))
    entry = next(journal.entries())
    assert entry.exchange is exchange
    assert entry.ending is not None
    assert journal.weight == weight(exchange) > before + 1000
    journal.amend(99, exchange)
    assert len(list(journal.entries())) == 1


def test_rules_that_forward_to_nowhere_are_told_with_their_places() -> None:
    told = [str(problem) for problem in stranded(parse(RULES, "f").rules)]
    assert told == [
        "f:4: this rule forwards, and there is no upstream (give --upstream URL)",
        "f:5: this rule forwards, and there is no upstream (give --upstream URL)",
    ]


def test_a_reply_that_forwards_takes_no_faults() -> None:
    """They would have to be done to a stream that is not known yet."""
    file = parse("otherwise: {forward: true, faults: [{cut: {after: {events: 1}}}]}", "f")
    assert not file.usable
    assert "faults" in str(file.problems[0])
