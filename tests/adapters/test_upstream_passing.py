"""What passes: paths, methods, headers and bodies, seen at both ends of real sockets."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from pathlib import Path

import pytest

from mockserver.assembly import Assembly
from mockserver.core.errors import SettingError
from mockserver.core.forwarding.address import Address
from mockserver.settings import Settings
from tests.adapters.doubles import Peer
from tests.misbehaving import Heard, Misbehaving, Wire, answer
from tests.relays import relayed


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/v1/responses", "/base/responses"),
        ("/v1", "/base"),
        ("/v1/", "/base/"),
        ("/v1/files/a%2Fb%20c/content?x=1&x=%2B&y", "/base/files/a%2Fb%20c/content?x=1&x=%2B&y"),
        ("/s/a%20test/v1/models", "/base/models"),
        ("/v1//double", "/base//double"),
        ("/%761/models", "/base/models"),
        ("/v1/%C3%A9?q=%C3%A9", "/base/%C3%A9?q=%C3%A9"),
    ],
)
def test_a_path_goes_below_the_upstreams_base_as_it_was_sent(asked: str, target: str) -> None:
    """`/v1` gives way to the base; percent-encodings and the query stay byte for byte."""
    with Misbehaving(answer()) as upstream, relayed(f"{upstream.url}/base/") as relay:
        assert relay.ask("GET", asked, None)[0] == 200
        assert [heard.target for heard in upstream.heard] == [target]


@pytest.mark.parametrize("asked", ["/", "/responses", "/v2/models", "/v1x/models", "/favicon.ico"])
def test_a_path_outside_the_base_stays_here(asked: str) -> None:
    with Misbehaving(answer()) as upstream, relayed(f"{upstream.url}/v1") as relay:
        status, _, body = relay.ask("GET", asked, None)
        assert (status, json.loads(body)["error"]["code"]) == (404, "unknown_url")
        assert upstream.connections == 0


@pytest.mark.parametrize(
    "asked",
    ["/v1/../admin", "/v1/%2e%2e/admin", "/v1/a/.%2E/b", "/v1/%252e%252e/x", "/v1/..%2fx", "/v1/..%5cx", "/v1/..;a/x"],
)
def test_a_path_that_climbs_is_refused_and_says_why(asked: str) -> None:
    """No spelling of `..` leaves for the upstream; the client hears why, in the provider's shape."""
    with Misbehaving(answer()) as upstream, relayed(f"{upstream.url}/v1") as relay:
        with Peer(relay.url) as peer:
            peer.post(path=asked)
            status, headers, body = peer.answer()
        error = json.loads(body)["error"]
        assert (status, error["code"], error["type"]) == (404, "unknown_url", "invalid_request_error")
        assert "`..`" in error["message"]
        assert headers["x-mock-session"] == "default"
        entry = relay.entry()
        assert (entry.exchange.status, entry.exchange.kind) == (404, "rejection")
        assert upstream.connections == 0
        assert relay.captures == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_method_passes_with_its_body(method: str) -> None:
    body = bytes(range(256)) * 4000
    with Misbehaving(answer(body)) as upstream, relayed(f"{upstream.url}/v1") as relay:
        status, headers, got = relay.ask(method, "/v1/files", body)
        assert (status, got) == (200, body)
        assert headers["content-length"] == str(len(body))
        heard = upstream.heard[0]
        assert (heard.method, heard.body) == (method, body)
        capture = relay.capture()
        assert (capture.method, capture.request_body, capture.body) == (method, body, body)
        assert (capture.end, capture.why, capture.path) == ("complete", "", "/v1/files")


def test_head_has_the_headers_and_no_body() -> None:
    def behave(_: Heard, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\netag: x\r\n\r\n")

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay, Peer(relay.url) as peer:
        for _ in range(2):  # the connection stays in step
            peer.send(b"HEAD /v1/files/1 HTTP/1.1\r\nhost: x\r\n\r\n")
            head = peer.until(b"\r\n\r\n")
            assert b"content-length: 99\r\n" in head
            assert b"etag: x\r\n" in head
        assert peer.held == b""


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_answers_without_a_body_leave_the_connection_in_step(status: bytes) -> None:
    def behave(_: Heard, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 %b\r\nx-told: yes\r\n\r\n" % status)

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay, Peer(relay.url) as peer:
        for _ in range(2):
            peer.send(b"DELETE /v1/files/1 HTTP/1.1\r\nhost: x\r\n\r\n")
            head = peer.until(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 " + status[:3])
            assert b"transfer-encoding" not in head
        assert peer.held == b""
        assert upstream.connections == 1


@pytest.mark.parametrize("location", ["https://elsewhere.invalid/x", "/v1/other", "http://[broken"])
def test_redirects_are_passed_back_not_followed(location: str) -> None:
    """Also one that no client could follow."""
    redirect = answer(b"", b"307 Temporary Redirect", b"location: " + location.encode())
    with Misbehaving(redirect) as upstream, relayed(f"{upstream.url}/v1") as relay:
        status, headers, _ = relay.ask()
        assert (status, headers["location"]) == (307, location)
        assert len(upstream.heard) == 1


def test_an_error_of_the_upstream_passes_as_it_is() -> None:
    body = b'{"error": {"message": "Slow down", "type": "requests", "param": null, "code": "rate_limit_exceeded"}}'
    limited = answer(body, b"429 Too Many Requests", b"retry-after-ms: 5", b"x-should-retry: true")
    with Misbehaving(limited) as upstream, relayed(f"{upstream.url}/v1") as relay:
        status, headers, got = relay.ask()
        assert (status, got) == (429, body)
        assert (headers["retry-after-ms"], headers["x-should-retry"]) == ("5", "true")
        assert relay.capture().status == 429


def test_interim_answers_do_not_confuse() -> None:
    def behave(_: Heard, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        wire.answer(b'{"a":1}')

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay:
        assert relay.ask()[::2] == (200, b'{"a":1}')


# --- headers


def test_the_clients_headers_reach_the_upstream_but_those_of_the_connection() -> None:
    with Misbehaving(answer()) as upstream, relayed(f"{upstream.url}/v1") as relay, Peer(relay.url) as peer:
        peer.send(
            b"POST /v1/responses HTTP/1.1\r\nHost: mock\r\nAuthorization: Bearer sk-mine\r\nX-Two: a\r\nX-Two: b\r\n"
            b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nKeep-Alive: 5\r\n"
            b"Proxy-Authorization: Basic x\r\nExpect: 100-continue\r\nAccept-Encoding: gzip, br\r\n"
            b"X-Mock-Session: one\r\nX-Mock-Other: y\r\nOpenAI-Organization: org-1\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        )
        assert peer.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        status, headers, _ = peer.answer()
        assert status == 200
        assert headers["x-mock-session"] == "one"
        assert headers["x-mock-rule"] == "forward"
        heard = upstream.heard[0]
        told = {name.lower(): value for name, value in heard.headers}
        assert told.pop("host") == f"127.0.0.1:{upstream.port}"
        assert heard.all("x-two") == ["a", "b"]
        del told["x-two"]
        assert told == {
            "authorization": "Bearer sk-mine",
            "openai-organization": "org-1",
            "content-type": "application/json",
            "accept-encoding": "identity",
            "content-length": "2",
        }
        assert heard.body == b"{}"
        relay.capture()
        assert relay.sessions == ["one"]


def test_the_upstreams_headers_reach_the_client_but_those_of_the_connection() -> None:
    told = (b"Set-Cookie: a=1", b"Set-Cookie: b=2", b"X-Request-Id: req_1", b"x-mock-rule: theirs", b"Date: today")
    hop = (b"Connection: keep-alive, x-hop", b"X-Hop: 1", b"Keep-Alive: timeout=5", b"Proxy-Authenticate: Basic")
    with Misbehaving(answer(b"{}", b"200 OK", *told, *hop)) as upstream, relayed(f"{upstream.url}/v1") as relay:
        _, headers, _ = relay.ask()
        assert headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert (headers["x-request-id"], headers["date"]) == ("req_1", "today")
        assert headers.get_all("x-mock-rule") == ["forward"]
        assert not {"x-hop", "keep-alive", "proxy-authenticate"} & {name.lower() for name in headers}
        assert ("set-cookie", "b=2") in relay.capture().headers
        assert not {"content-length", "x-mock-rule", "x-hop"} & {name for name, _ in relay.captures[0].headers}
        # Cookies belong to the client: what one was given is not sent for another.
        relay.ask()
        assert upstream.heard[1].all("cookie") == []


# --- encodings


def _packed(coding: str, body: bytes) -> bytes:
    raw = zlib.compressobj(wbits=-15)
    return {
        "gzip": gzip.compress(body[:5]) + gzip.compress(body[5:]),
        "x-gzip": gzip.compress(body),
        "deflate": zlib.compress(body),
        "DEFLATE": raw.compress(body) + raw.flush(),
        "deflate, gzip": gzip.compress(zlib.compress(body)),
    }[coding]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "DEFLATE", "deflate, gzip"])
def test_a_packed_body_arrives_plain(coding: str) -> None:
    """Although nobody asked for it: members in a row, deflate with and without its frame, one encoding on another."""
    body = json.dumps({"text": "häm " * 500}).encode()
    packed = answer(_packed(coding, body), b"200 OK", b"content-encoding: " + coding.encode())
    with Misbehaving(packed) as upstream, relayed(f"{upstream.url}/v1") as relay:
        _, headers, got = relay.ask()
        assert got == body
        assert "content-encoding" not in headers
        assert relay.capture().body == body
        assert "content-encoding" not in dict(relay.captures[0].headers)


@pytest.mark.parametrize("coding", ["br", "gzip, zstd", "aws-chunked"])
def test_an_encoding_that_cannot_be_undone_passes_with_its_header(coding: str) -> None:
    body = b"\x00\x01 not for us"
    packed = answer(body, b"200 OK", b"content-encoding: " + coding.encode())
    with Misbehaving(packed) as upstream, relayed(f"{upstream.url}/v1") as relay:
        _, headers, got = relay.ask()
        assert (got, headers["content-encoding"]) == (body, coding)
        assert ("content-encoding", coding) in relay.capture().headers


def test_a_bomb_passes_in_bounded_pieces() -> None:
    body = b"\0" * (20 * 1024 * 1024)
    packed = answer(gzip.compress(body), b"200 OK", b"content-encoding: gzip")
    with Misbehaving(packed) as upstream, relayed(f"{upstream.url}/v1") as relay:
        assert relay.ask()[2] == body
        assert max(len(piece.data) for piece in relay.capture().pieces) <= 1024 * 1024


# --- rules beside the upstream


def test_rules_answer_first_and_a_rule_may_forward(tmp_path: Path) -> None:
    """Misses and rules that say so go to the upstream, whatever our schema thinks of the body."""
    (tmp_path / "a.mock.yaml").write_text(
        "rules:\n"
        "  - {name: ours, when: {input: ours}, reply: {text: from us}}\n"
        "  - {name: theirs, when: {input: theirs}, reply: {forward: true, headers: {x-more: 'yes'}}}\n",
        "utf-8",
    )
    with Misbehaving(answer(b'{"from":"them"}')) as upstream, relayed(f"{upstream.url}/v1", tmp_path) as relay:
        ours = relay.ask(body=b'{"model":"m","input":"ours"}')
        assert b"from us" in ours[2]
        theirs = relay.ask(body=b'{"model":"m","input":"theirs","unheard_of":1}')
        assert theirs[2] == b'{"from":"them"}'
        assert "theirs" in theirs[1]["x-mock-rule"]
        assert theirs[1]["x-more"] == "yes"
        missed = relay.ask(body=b'{"model":"m","input":"other","unheard_of":1}')
        assert missed[1]["x-mock-rule"] == "forward"
        assert relay.ask("GET", "/v1/models", None)[2] == b'{"from":"them"}'
        assert relay.ask(body=b'{"model":"m","input":"ours","unheard_of":1}')[0] == 400
        assert [json.loads(heard.body or b"{}").get("input") for heard in upstream.heard] == ["theirs", "other", None]
        kinds = [relay.entry(count).exchange.kind for count in range(1, 6)]
        assert kinds == ["json", "forwarded", "forwarded", "forwarded", "rejection"]
        assert relay.entry(2).exchange.rule == "theirs"
        assert relay.entry(2).exchange.status == 200


def test_a_server_in_front_of_itself_is_refused() -> None:
    """It would ask itself for ever."""
    with Misbehaving(answer()) as taken:
        port = taken.port
    settings = Settings(port=port, on_miss="forward", upstream=Address.read(f"http://localhost:{port}/v1"))
    with pytest.raises(SettingError, match=r"--upstream: .* is this server itself"):
        Assembly(settings, (), io.StringIO())
