"""The order of rules, their candidates with and without look-up, explanations, and the nearest of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.messages import Request
from mockserver.core.reply import Auto, Reply
from mockserver.core.rules.book import Rule, RuleBook, Standing
from mockserver.core.rules.conditions import HOLDS, ClaimCondition, Condition, Mismatch
from mockserver.core.rules.index import Index
from mockserver.core.rules.targets import compile_when
from tests.core.reporting import refuse

ANSWER = Reply(Auto())


def rule(name: str, when: Any = None, *, priority: int = 0, times: tuple[int | None, ...] = (None,)) -> Rule:
    compiled = compile_when(when, refuse, ())
    replies = tuple((ANSWER, each) for each in times)
    return Rule(
        name, f"f.mock.yaml:{name}", replies, compiled.conditions, compiled.claims, priority=priority, key=("f", name)
    )


def ask(body: Mapping[str, Any] | None = None, *, method: str = "POST", path: str = "/v1/responses") -> Request:
    return Request(method, path, body=b"" if body is None else orjson.dumps(body))


def names(rules: Any) -> list[str]:
    return [each.name for each in rules]


def test_the_order_is_priority_then_session_then_as_given_then_otherwise() -> None:
    """`otherwise` comes last even after rules of lower priority."""
    server = [rule("a"), rule("b", priority=2), rule("c"), rule("low", priority=-1)]
    session = [rule("s"), rule("t", priority=2)]
    book = RuleBook.of(server, session, [rule("else", priority=9)])
    assert names(book.rules) == ["t", "b", "s", "a", "c", "low", "else"]
    assert names(book.candidates(ask({}))) == ["t", "b", "s", "a", "c", "low", "else"]


def test_other_endpoints_see_only_the_rules_that_name_them() -> None:
    """A rule without method and path is for POST /v1/responses alone."""
    book = RuleBook(
        [rule("any"), rule("models", {"path": "/v1/models"}), rule("get", {"method": "GET"})], [rule("else")]
    )
    assert names(book.candidates(ask({}))) == ["any", "else"]
    assert names(book.candidates(ask(method="GET", path="/v1/models"))) == ["models", "get"]
    assert names(book.candidates(ask(method="GET"))) == ["get"]
    assert names(book.candidates(ask(path="/v1/other"))) == []


def test_candidates_are_lazy() -> None:
    """What the claim does not ask for is not tested."""
    tested: list[str] = []

    def spy(name: str) -> Condition:
        def test(request: Request) -> tuple[Mismatch, ...]:
            tested.append(name)
            return HOLDS

        return Condition(name, test)

    book = RuleBook([Rule(name, name, (), (spy(name),)) for name in ("a", "b")])
    assert next(book.candidates(ask({}))).name == "a"
    assert tested == ["a"]


def test_models_are_those_that_rules_name() -> None:
    """In order, each once; patterns name none."""
    book = RuleBook([rule("1", {"model": "b"}), rule("2", {"all_of": [{"model": "a"}]}), rule("3", {"model": "b"})])
    assert book.models == ("b", "a")
    assert RuleBook([rule("1", {"model": {"glob": "b*"}, "input": "x"})]).models == ()


@pytest.mark.parametrize(
    ("name", "place", "label"),
    [("ask", "f:4", 'f:4 "ask"'), ("f:4", "f:4", "f:4"), ("ask", "", "ask"), ("", "f:4", "f:4")],
)
def test_a_rule_is_found_by_its_label(name: str, place: str, label: str) -> None:
    """FILE:LINE, and the name where there is one of its own."""
    assert Rule(name, place, ()).label == label


FEW = st.sampled_from(["a", "b", "c"])
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "model": FEW | st.fixed_dictionaries({"glob": st.sampled_from(["*", "a*", "[bc]"])}),
        "input": FEW | st.fixed_dictionaries({"contains": FEW}) | st.fixed_dictionaries({"not": FEW}),
        "metadata": st.dictionaries(st.sampled_from(["k", "l"]), FEW, min_size=1),
        "stream": st.booleans(),
        "body": st.fixed_dictionaries({"$.user": FEW}) | st.fixed_dictionaries({"equals": st.just({"model": "a"})}),
        "path": st.sampled_from(["/v1/responses", "/v1/x", "/v1/*"]),
        "not": st.fixed_dictionaries({"model": FEW}),
    },
)
BODIES = st.fixed_dictionaries(
    {"model": FEW | st.just(7)},
    optional={
        "input": FEW | st.just("abc"),
        "metadata": st.dictionaries(st.sampled_from(["k", "l"]), FEW | st.none()),
        "stream": st.booleans(),
        "user": FEW | st.just(["a"]),
    },
)


@given(st.lists(CONDITIONS, max_size=12), BODIES, st.sampled_from(["/v1/responses", "/v1/x"]))
@settings(max_examples=100, deadline=None)
def test_the_lookup_changes_nothing(whens: list[Any], body: Any, path: str) -> None:
    """With or without the index, and by the tests alone, the same rules come out in the same order."""
    rules = [rule(str(number), when) for number, when in enumerate(whens)]
    request = ask(body, path=path)
    plain = [each.name for each in rules if not any(condition.test(request) for condition in each.conditions)]
    book = RuleBook(rules)
    assert names(book.candidates(request)) == plain
    assert [report.rule.name for report in book.explain(request) if report.ok] == plain
    if path == "/v1/responses":
        assert names(Index(rules, lookup=False).candidates(request)) == plain


def test_a_thousand_rules_cost_no_more_tests_than_ten() -> None:
    """Rules that differ by one equality are found by it, whatever else they share."""
    for count in (10, 1000):
        tested: list[str] = []

        def test(request: Request, tested: list[str] = tested) -> tuple[Mismatch, ...]:
            tested.append("glob")
            return HOLDS

        rules = []
        for number in range(count):
            made = rule(str(number), {"model": f"m{number}", "path": "/v1/responses", "method": "POST"})
            rules.append(Rule(made.name, "", (), (Condition("x", test), *made.conditions)))
        book = RuleBook(rules, [rule("else")])
        assert names(book.candidates(ask({"model": "m7"}))) == ["7", "else"]
        assert len(tested) == 1


def test_rules_written_by_hand_need_no_reader() -> None:
    """An equality without a way to read its value is tested like any other condition."""
    hold = Condition("model", lambda request: HOLDS, equality=("model", "zzz"))
    assert names(RuleBook([Rule("a", "", (), (hold,))]).candidates(ask({"model": "x"}))) == ["a"]


def test_explain_reports_every_condition_in_words() -> None:
    """The endpoint is told only when it fails; what a claim would decide is unknown without a standing."""
    book = RuleBook([rule("a", {"model": "x", "input": {"contains": "rain"}, "hit": 2, "state": {"s": "on"}})])
    [report] = book.explain(ask({"model": "x", "input": "sun"}))
    assert [(each.path, each.ok) for each in report.conditions] == [
        ("model", True), ("input", False), ("hit", None), ("state.s", None)
    ]  # fmt: skip
    assert not report.ok
    assert [mismatch.path for failed in report.failed for mismatch in failed.mismatches] == ["input.contains"]
    [abroad] = book.explain(ask({"model": "x", "input": "rain"}, path="/v1/x"))
    assert [each.path for each in abroad.failed] == ["endpoint"]


def test_explain_with_a_standing_evaluates_what_a_claim_would() -> None:
    """Nothing is counted; the caller says what the hit and the state would be, and what is used up."""
    book = RuleBook([rule("a", {"hit": 2, "state": {"s": "on"}}), rule("b")])
    standings = {"a": Standing(2, {"s": "off"}), "b": Standing(1, exhausted="all 3 replies used")}
    first, second = book.explain(ask({}), lambda each: standings[each.name])
    assert [(each.path, each.ok) for each in first.conditions] == [("hit", True), ("state.s", False)]
    assert (second.exhausted, second.ok, second.failed) == ("all 3 replies used", False, ())


@dataclass(frozen=True)
class Refused:
    """What a claim says about a rule that it passed over."""

    rule: Rule
    mismatches: tuple[Mismatch, ...] = ()
    used_up: int = 0


NEAREST: list[tuple[str, list[Any], Any, str]] = [
    (
        "one failing condition beats two",
        [{"model": "x", "input": "y"}, {"model": "m", "input": "y"}],
        {"model": "m", "input": "z"},
        "1",
    ),
    (
        "the closer text wins",
        [{"model": "claude"}, {"model": "o4"}, {"model": "gpt-5-mini"}],
        {"model": "gpt-5"},
        "2",
    ),
    (
        "case is a small thing",
        [{"input": {"contains": "snow"}}, {"input": {"contains": "RAIN"}}],
        {"input": "rain"},
        "1",
    ),
    ("something beats nothing", [{"user": "q"}, {"metadata": {"a": "b"}}, {"input": "xy"}], {"input": "xz"}, "2"),
    ("the right endpoint", [{"path": "/v1/x", "model": "m"}, {"model": "a", "input": "b"}], {"model": "m"}, "1"),
    ("more that holds", [{"input": "q"}, {"model": "m", "input": "q"}], {"input": "-", "model": "m"}, "1"),
    ("ties go to the earlier", [{"model": "aaa"}, {"model": "bbb"}], {"model": "ccc"}, "0"),
    (
        "fewer differences",
        [{"body": {"equals": {"a": 1, "b": 2, "c": 3}}}, {"body": {"equals": {"a": 1, "b": 0, "c": 0}}}],
        {"a": 0, "b": 0, "c": 0},
        "1",
    ),
]


@pytest.mark.parametrize(("whens", "body", "expected"), [row[1:] for row in NEAREST], ids=[row[0] for row in NEAREST])
def test_the_nearest_rule(whens: list[Any], body: Any, expected: str) -> None:
    """As people would say it."""
    nearest = RuleBook([rule(str(number), when) for number, when in enumerate(whens)]).nearest(ask(body))
    assert nearest is not None
    assert nearest.report.rule.name == expected
    assert len(nearest.others) == min(2, len(whens) - 1)


def test_among_a_thousand_the_nearest_is_still_found() -> None:
    """The first estimate keeps the right ones."""
    rules = [rule(f"{number}", {"model": f"other-{number:04}", "stream": False}) for number in range(1000)]
    rules[700] = rule("near", {"model": "gpt-5-mini", "stream": False})
    nearest = RuleBook(rules).nearest(ask({"model": "gpt-5-nini"}))
    assert nearest is not None
    assert nearest.report.rule.name == "near"


def test_no_rules_no_nearest() -> None:
    """There is nothing to tell."""
    assert RuleBook([]).nearest(ask({})) is None


def test_an_exhausted_rule_is_the_nearest_of_all() -> None:
    """It would have answered; the words count its replies."""
    used, near = rule("used", {"model": "m"}, times=(1, 2)), rule("near", {"model": "n"})
    nearest = RuleBook([near, used]).nearest(ask({"model": "m"}), [Refused(used, used_up=3)])
    assert nearest is not None
    assert nearest.report.rule is used
    assert nearest.report.exhausted == "all 3 replies used"
    assert not nearest.report.ok
    single = rule("single", times=(1,))
    nearest = RuleBook([single]).nearest(ask({}), [Refused(single, used_up=1)])
    assert nearest is not None
    assert nearest.report.exhausted == "its only reply is used"


def test_what_the_claim_refused_is_told() -> None:
    """The mismatches are the claim's: the book does not count."""
    counted = rule("counted", {"hit": 1, "state": {"a": "x"}})
    nearest = RuleBook([counted]).nearest(ask({}), [Refused(counted, (Mismatch("hit", 1, 2),))])
    assert nearest is not None
    assert [(each.path, each.ok) for each in nearest.report.conditions] == [("hit", False), ("state.a", True)]


def test_claims_written_by_hand() -> None:
    """A claim condition is a value anyone can make."""
    claim = ClaimCondition("hit", "hit", "hit", lambda value: HOLDS if value == 1 else (Mismatch("hit", 1, value),))
    [report] = RuleBook([Rule("a", "", (), (), (claim,))]).explain(ask({}), lambda each: Standing(hit=4))
    assert report.failed[0].mismatches == (Mismatch("hit", 1, 4),)
