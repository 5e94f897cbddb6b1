"""Claims, counts and memory of one session."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from mockserver.core import state as state_room
from mockserver.core.messages import ABSENT
from mockserver.core.reply import Auto, Reply
from mockserver.core.rules.book import ClaimCondition, Mismatch, Rule
from mockserver.core.state import Claim, MemoryState, Refusal, Remembered, reply_index


def reply(**keywords: Any) -> Reply:
    return Reply(Auto(), **keywords)


def rule(name: str, *replies: tuple[Reply, int | None], **keywords: Any) -> Rule:
    return Rule(name, f"a.mock.yaml:{name}", replies or ((reply(), None),), key=("a", name), **keywords)


def claim(memory: MemoryState, *rules: Rule, exhausted: Literal["miss", "repeat", "cycle"] = "miss") -> Any:
    return memory.claim(rules, lambda _: 0, exhausted)


def needs(kind: Literal["hit", "state"], key: str, wanted: Any) -> ClaimCondition:
    def test(value: Any) -> tuple[Mismatch, ...]:
        return () if value == wanted else (Mismatch(key, wanted, value),)

    return ClaimCondition(key, key, kind, test)


def test_hits_count_visits_and_later_rules_stay_untouched() -> None:
    """A visited rule counts even when it does not answer; the ones after the answer do not."""
    memory = MemoryState()
    second_time, always, never = rule("1", claims=(needs("hit", "hit", 2),)), rule("2"), rule("3")
    assert claim(memory, second_time, always, never).rule is always
    assert claim(memory, second_time, always, never).rule is second_time
    assert claim(memory, second_time, always, never).rule is always
    assert [memory.hits(each) for each in (second_time, always, never)] == [3, 2, 0]
    assert memory.used(second_time) == 1


@pytest.mark.parametrize(
    ("exhausted", "indexes"),
    [("miss", [0, 0, 1, None, None, None]), ("repeat", [0, 0, 1, 1, 1, 1]), ("cycle", [0, 0, 1, 0, 0, 1])],
)
def test_replies_run_out(exhausted: Literal["miss", "repeat", "cycle"], indexes: list[int | None]) -> None:
    """`times` counts, and `exhausted` says what comes then; the rule's own word beats the server's."""
    twice_then_once = rule("1", (reply(), 2), (reply(), 1), exhausted=exhausted)
    assert [reply_index(twice_then_once, used, "miss") for used in range(6)] == indexes
    assert reply_index(rule("1"), 99, "miss") == 0


def test_an_exhausted_rule_does_not_match_and_says_so() -> None:
    """The claim falls through to the next candidate, else tells how many replies were used up."""
    memory = MemoryState()
    once = rule("1", (reply(), 1))
    assert isinstance(claim(memory, once), Claim)
    assert claim(memory, once) == (Refusal(once, used_up=1),)
    assert claim(memory, once, rule("2")).rule.name == "2"


def test_state_is_set_unset_and_tested() -> None:
    """`set_state` takes effect after the claim; null unsets; unset is absent."""
    memory = MemoryState()
    first = rule("1", (reply(set_state={"step": "two"}), None), claims=(needs("state", "step", ABSENT),))
    second = rule("2", (reply(set_state={"step": None}), None), claims=(needs("state", "step", "two"),))
    taken = claim(memory, first, second)
    assert taken.rule is first
    assert taken.state == {}
    assert memory.values == {"step": "two"}
    assert claim(memory, first, second).rule is second
    assert memory.values == {}


def test_a_failed_claim_condition_is_told() -> None:
    """The refusal carries the mismatch for the miss."""
    only = rule("1", claims=(needs("state", "step", "two"),))
    assert claim(MemoryState(), only) == (Refusal(only, (Mismatch("step", "two", ABSENT),)),)


def test_turns_are_chosen_by_the_caller() -> None:
    """A rule with turns asks which one is due and never runs out."""
    memory = MemoryState()
    scripted = rule("1", (reply(), None), (reply(speed=2), None), turns=True)
    for _ in range(3):
        taken = memory.claim([scripted], lambda _: 1, "miss")
        assert isinstance(taken, Claim)
        assert taken.reply.speed == 2


def test_occurrences_count_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same request is the first, second, third; the longest unseen is forgotten and counted as dropped."""
    monkeypatch.setattr(state_room, "MOST_REQUESTS_COUNTED", 2)
    memory = MemoryState()
    assert [memory.occurrence(b"a"), memory.occurrence(b"b"), memory.occurrence(b"a")] == [1, 1, 2]
    memory.occurrence(b"c")
    assert memory.dropped == 1
    assert memory.occurrence(b"a") == 3
    assert memory.occurrence(b"b") == 1


def test_responses_are_remembered_in_chains_and_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """History reads oldest first; what goes over the bound is dropped."""
    monkeypatch.setattr(state_room, "MOST_RESPONSE_BYTES", 25)
    memory = MemoryState()
    first = Remembered("conv_1", lambda: [{"n": 1}], None, 10)
    second = Remembered("conv_1", lambda: [{"n": 2}], "resp_1", 10)
    memory.remember("resp_1", first)
    memory.remember("resp_2", second)
    assert [item["n"] for item in memory.history("resp_2")] == [1, 2]
    assert memory.history("resp_9") == []
    memory.remember("resp_3", Remembered("conv_3", list, None, 10))
    assert memory.recall("resp_1") is None
    assert memory.recall("resp_2") is second
    assert [item["n"] for item in memory.history("resp_2")] == [2]
    assert memory.dropped == 1


def test_remembering_an_id_again_replaces_it() -> None:
    """The weight of what was replaced no longer counts."""
    memory = MemoryState()
    for _ in range(3):
        memory.remember("resp_1", Remembered("conv_1", list, None, state_room.MOST_RESPONSE_BYTES // 2))
    assert memory.recall("resp_1") is not None
    assert memory.dropped == 0


def test_buckets_are_taken_atomically_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call reads, changes and returns; buckets are bounded."""
    monkeypatch.setattr(state_room, "MOST_BUCKETS", 1)
    memory = MemoryState()

    def add(bucket: int | None) -> tuple[int, str]:
        return (bucket or 0) + 1, f"was {bucket}"

    assert [memory.take("a", add), memory.take("a", add)] == ["was None", "was 1"]
    memory.take("b", add)
    assert memory.take("a", add) == "was None"
