"""Beside the libraries that tests assert with: snapshots that stay, and objects that compare themselves."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Inner

ASKING = """
    mockserver.when().reply("ho")
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}, "strict": False}
    key = "sk-proj-abcdefghijklmnopqrstuvwx1234567890"
    client.responses.create(model="gpt-5", input="hi", tools=[tool], metadata={"key": key})
    client.responses.create(model="gpt-5", input=[{"role": "user", "content": "two\\nlines"}], stream=True).close()
"""


def test_syrupy_keeps_the_same_snapshot(inner: Inner) -> None:
    """Written in the first run, the same in the second, and without the key that was sent."""
    pytest.importorskip("syrupy")
    inner.write(
        test_it=f"""
def test(mockserver, snapshot):
{ASKING}
    assert mockserver.requests.to_yaml() == snapshot
    assert mockserver.last_request.snapshot() == snapshot(name="as a dict")
    assert client.responses.create(model="gpt-5", input="ids").id == snapshot(name="id")
"""
    )
    inner.run("--snapshot-update", process=True).assert_outcomes(passed=1)
    [written] = inner.path.rglob("*.ambr")
    kept = written.read_text()
    assert "get_weather" in kept
    assert "sk-proj" not in kept
    for _ in range(2):
        inner.run(process=True).assert_outcomes(passed=1)
    assert written.read_text() == kept


def test_inline_snapshot_fills_in_what_stays(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it writes is plain, and holds in the next run."""
    pytest.importorskip("inline_snapshot")
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)  # of the run around this one: it writes nothing where several do
    inner.write(
        test_it=f"""
from inline_snapshot import snapshot

def test(mockserver):
{ASKING}
    assert mockserver.requests[0].snapshot() == snapshot()
    assert mockserver.last_request.to_yaml() == snapshot()
    assert mockserver.requests[0].body["tools"] == snapshot()
"""
    )
    inner.run("--inline-snapshot=create", "-p", "no:xdist", process=True)
    kept = (inner.path / "test_it.py").read_text()
    assert "== snapshot()" not in kept
    assert "FrozenDict" not in kept
    assert kept.count("sk-proj") == 1  # where the test itself says it
    inner.run("--inline-snapshot=disable", process=True).assert_outcomes(passed=1)


def test_dirty_equals_and_any_stand_for_values(inner: Inner) -> None:
    """In conditions, inside values, and compared with what was received."""
    pytest.importorskip("dirty_equals")
    told = inner.check(
        """
        from unittest.mock import ANY
        from dirty_equals import IsPartialDict, IsPositive, IsStr

        def test(mockserver):
            rule = mockserver.when(
                input=IsStr(regex="h."),
                metadata={"user": ANY},
                body={"$.temperature": IsPositive, "$.metadata": mockserver.equals({"user": IsStr, "n": "1"})},
            ).reply("ho")
            assert ask("hi", metadata={"user": "bob", "n": "1"}, temperature=0.5) == "ho"
            assert rule.called
            assert mockserver.last_request.body == IsPartialDict(model="gpt-5", metadata={"user": ANY, "n": ANY})
            mockserver.assert_called(input=IsStr, metadata={"user": ANY})
            mockserver.assert_not_called(input=IsStr(regex="b.*"))

        def test_missing(mockserver):
            mockserver.when(input=IsStr(regex="b.*")).reply("x")
            swallow("hi")
        """,
        passed=1,
        failed=1,
    )
    assert 'FAIL  input: expected "IsStr(regex=\'b.*\')", found "hi"' in told


def test_a_rule_that_can_never_answer_is_told(inner: Inner) -> None:
    """With what stands in its way; an impossible condition at once, with its line."""
    told = inner.check(
        """
        def test_hidden(mockserver):
            mockserver.when().reply("everything")
            mockserver.when(input="hi").reply("never")
            ask("hi")

        def test_impossible(mockserver):
            mockserver.when(input=mockserver.one_of()).reply("never")
        """,
        failed=2,
    )
    assert "request 1 fits it, but test_it.py:3 answered that: it comes first" in told
    assert "test_it.py:8: input.in: expected a list of values, got []" in told
