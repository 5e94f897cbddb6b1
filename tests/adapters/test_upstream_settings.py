"""An upstream from the outside: the command line, edits while it runs, proxies that the environment names."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.assembly import Assembly, rule_paths
from mockserver.core.errors import RuleFileError
from mockserver.settings import Settings
from tests.misbehaving import Heard, Misbehaving, Wire, answer
from tests.relays import relayed, settled

FORWARDS = "rules:\n  - when: {model: m}\n    reply: {forward: true}\n"


def test_a_rule_that_forwards_needs_an_upstream(tmp_path: Path) -> None:
    """Told at the start, with its place."""
    (tmp_path / "a.mock.yaml").write_text(FORWARDS, "utf-8")
    with pytest.raises(
        RuleFileError, match=r"a\.mock\.yaml:3: this rule forwards, and there is no upstream \(give --up"
    ):
        Assembly(Settings(port=0), (tmp_path,), io.StringIO())


def test_an_edit_that_forwards_to_nowhere_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "a.mock.yaml"
    file.write_text("otherwise: {text: hi}\n", "utf-8")
    out = io.StringIO()
    assembly = Assembly(Settings(port=0), (tmp_path,), out)
    with assembly.server:
        file.write_text(FORWARDS, "utf-8")
        assert settled(lambda: "the last good ones stay" in out.getvalue())
        assert "a.mock.yaml:3: this rule forwards, and there is no upstream" in out.getvalue()
        assert not assembly.engine.book.ruled
    assembly.close()


def test_clients_keep_their_own_key() -> None:
    with relayed("http://127.0.0.1:9/v1") as relay:
        assert dict(relay.assembly.environment) == {"OPENAI_BASE_URL": relay.base_url}


def test_the_shipped_examples_do_not_stand_before_the_upstream() -> None:
    with Misbehaving(answer(b'{"from":"them"}')) as upstream, relayed(f"{upstream.url}/v1") as relay:
        assert relay.ask(body=b'{"model":"gpt-5","input":"Tell me a story"}')[2] == b'{"from":"them"}'
    assert rule_paths(Settings(), ())


def tunnel(heard: Heard, wire: Wire) -> None:
    """What a proxy does for plain HTTP: it is asked for whole URLs."""
    wire.answer(f'{{"via": "{heard.target}"}}'.encode())


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Misbehaving]:
    """A proxy that the environment names for plain HTTP."""
    with Misbehaving(tunnel) as proxy:
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        yield proxy


def test_proxies_count_only_when_asked_for(proxy: Misbehaving) -> None:
    with Misbehaving(answer(b'{"from":"them"}')) as upstream:
        with relayed(f"{upstream.url}/v1") as relay:
            assert relay.ask("GET", "/v1/models", None)[2] == b'{"from":"them"}'
            assert proxy.heard == []
        with relayed(f"{upstream.url}/v1", trust_env=True) as relay:
            assert relay.ask("GET", "/v1/models", None)[2] == f'{{"via": "{upstream.url}/v1/models"}}'.encode()


def test_hosts_that_need_no_proxy_get_none(proxy: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Misbehaving(answer(b"{}")) as upstream, relayed(f"{upstream.url}/v1", trust_env=True) as relay:
        assert relay.ask("GET", "/v1/models", None)[2] == b"{}"
        assert proxy.heard == []


def test_a_proxy_of_an_unknown_kind_is_told(proxy: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "carrier-pigeon://loft:1")
    monkeypatch.setenv("http_proxy", "carrier-pigeon://loft:1")
    with relayed("http://upstream.invalid/v1", trust_env=True) as relay:
        status, _, body = relay.ask()
        assert status == 502
        assert b"the proxy that the environment names cannot be used" in body


def test_connections_are_as_many_as_there_are_requests() -> None:
    """No pool makes a stream wait for another."""
    together = threading.Barrier(150, timeout=20)

    def behave(_: Heard, wire: Wire) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait()
        wire.answer()

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay:
        port = int(relay.url.rpartition(":")[2])
        asking = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(150)]
        for sock in asking:
            sock.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        assert {sock.recv(12) for sock in asking} == {b"HTTP/1.1 200"}
        for sock in asking:
            sock.close()
        assert not together.broken
