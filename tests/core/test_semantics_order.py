"""Which rule answers: order, claims, hits, what is left of replies, state, and what a miss says about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockserver.adapters.disk import load_rules
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import Rule, RuleBook
from tests.core.asking import ask, engine


def test_a_higher_priority_comes_first_then_the_order_written() -> None:
    asked = engine("""
rules:
  - {name: low, priority: -1, reply: {text: low}}
  - {name: plain, reply: {text: plain}}
  - {name: also plain, reply: {text: also plain}}
  - {name: high, when: {input: {contains: urgent}}, priority: 5, reply: {text: high}}
otherwise: {text: last}
""")
    assert [ask(asked, said).text for said in ("urgent", "hi")] == ["high", "plain"]
    assert [rule.name for rule in asked.book.rules] == ["high", "plain", "also plain", "low", "otherwise"]


def test_otherwise_is_last_whatever_the_priorities() -> None:
    asked = engine("""
rules: [{when: {input: a}, priority: -1000, reply: {text: a rule}}]
otherwise: {text: otherwise}
""")
    assert [ask(asked, said).text for said in ("a", "b")] == ["a rule", "otherwise"]


def test_a_session_s_rules_come_before_the_server_s_of_the_same_priority() -> None:
    def rule(name: str, priority: int = 0) -> Rule:
        [made] = parse(f"rules: [{{name: {name}, priority: {priority}, reply: {{text: a}}}}]", "a").rules
        return made

    book = RuleBook.of([rule("server"), rule("urgent", 1)], [rule("mine")], [rule("last", 9)])
    assert [each.name for each in book.rules] == ["urgent", "mine", "server", "last"]


def test_files_by_argument_then_in_natural_order(tmp_path: Path) -> None:
    """2 before 10; every `otherwise` after every rule; what a file includes after its own."""
    folder = tmp_path / "rules"
    folder.mkdir()
    for name in ("10", "2", "1"):
        (folder / f"{name}.mock.yaml").write_text(f"rules: [{{name: r{name}, reply: a}}]\notherwise: o{name}\n")
    first = tmp_path / "z.mock.yaml"
    first.write_text("include: [more.mock.yaml]\nrules: [{name: z, reply: a}]\n")
    (tmp_path / "more.mock.yaml").write_text("rules: [{name: more, reply: a}]\n")
    names = [rule.name for rule in load_rules([first, folder]).book.rules]
    assert names == ["z", "more", "r1", "r2", "r10", "otherwise", "otherwise", "otherwise"]


def test_a_rule_that_names_no_endpoint_answers_creations_alone() -> None:
    asked = engine("""
rules:
  - {name: models, when: {path: /v1/models}, reply: {http: {status: 200, body: mine}}}
  - {name: deep, when: {method: DELETE, path: "/v1/*"}, reply: {http: {status: 204}}}
  - {name: any, reply: {text: created}}
""")
    assert ask(asked).text == "created"
    assert ask(asked, method="GET", path="/v1/models").body == b"mine"
    assert ask(asked, method="DELETE", path="/v1/a/b/c").status == 204
    assert ask(asked, method="GET", path="/v1/responses").status == 405
    assert ask(asked, method="POST", path="/v1/other").status == 404


def test_hit_counts_visits_with_true_conditions_and_leaves_later_rules_untouched() -> None:
    """`hit` goes up for a rule that is then refused by its own `hit`; rules after the one taken are not reached."""
    asked = engine("""
rules:
  - {name: third, when: {input: a, hit: 3}, reply: {text: "third {{ hit }}"}}
  - {name: even, when: {input: a, hit: {in: [2, 4]}}, reply: {text: "even {{ hit }}"}}
  - {name: rest, when: {input: a}, reply: {text: "rest {{ hit }}"}}
""")
    assert [ask(asked, "b").status for _ in range(3)] == [404, 404, 404]  # pure conditions false: no hit
    told = [ask(asked, "a").text for _ in range(5)]
    assert told == ["rest 1", "even 2", "third 3", "rest 2", "even 4"]


def test_replies_are_used_up_in_order_and_exhausted_says_what_comes_then() -> None:
    def told(exhausted: str, default: str = "repeat") -> list[str]:
        asked = engine(
            f"rules: [{{{exhausted} replies: [{{text: a}}, {{text: b, times: 2}}]}}]\notherwise: {{text: other}}",
            exhausted=default,
        )
        return [ask(asked).text for _ in range(7)]

    assert told("") == ["a", "b", "b", "b", "b", "b", "b"]
    assert told("", "miss") == ["a", "b", "b", "other", "other", "other", "other"]
    assert told("exhausted: repeat,", "miss") == ["a", "b", "b", "b", "b", "b", "b"]
    assert told("exhausted: cycle,", "miss") == ["a", "b", "b", "a", "b", "b", "a"]
    assert told("exhausted: miss,") == ["a", "b", "b", "other", "other", "other", "other"]


def test_a_plain_reply_goes_on_for_ever() -> None:
    asked = engine("rules: [{reply: {text: a}}]", exhausted="miss")
    assert {ask(asked).text for _ in range(20)} == {"a"}


def test_a_miss_names_the_rule_that_is_used_up() -> None:
    asked = engine("rules: [{name: three, exhausted: miss, replies: [{text: a}, {text: b, times: 2}]}]")
    *_, missed = [ask(asked) for _ in range(4)]
    assert missed.json["error"]["message"] == (
        "No rule matches POST /v1/responses: the rule that would answer is used up. "
        'Nearest: a.mock.yaml:1 "three": all 3 replies used.'
    )
    assert "used up  all 3 replies used" in missed.play.exchange.miss
    assert missed.headers["x-should-retry"] == "false"


def test_a_used_up_rule_still_counts_its_hits() -> None:
    """It is visited: the claim reaches it with its conditions true."""
    asked = engine("""
rules:
  - {name: once, exhausted: miss, when: {input: a}, replies: [{text: once}]}
  - {name: then, when: {input: a}, reply: {text: "then {{ hit }}"}}
""")
    assert [ask(asked, "a").text for _ in range(3)] == ["once", "then 1", "then 2"]
    counted = asked.sessions.find("default").state
    assert [counted.hits(rule) for rule in asked.book.rules] == [3, 2]


def test_state_is_checked_and_set_in_the_claim() -> None:
    asked = engine("""
rules:
  - {when: {input: log in, state: {user: {exists: false}}}, reply: {text: welcome, set_state: {user: ada, step: "1"}}}
  - {when: {input: log in}, reply: {text: "already {{ state.user }}"}}
  - {when: {input: log out, state: {user: ada, step: {in: ["1", "2"]}}}, reply: {text: bye, set_state: {user: null}}}
otherwise: {text: "?"}
""")
    told = [ask(asked, said).text for said in ("log out", "log in", "log in", "log out", "log out", "log in")]
    assert told == ["?", "welcome", "already ada", "bye", "?", "welcome"]
    assert ask(asked, "log in", session="other").text == "welcome"


def test_a_reply_sees_the_state_from_before_its_own_change() -> None:
    asked = engine('rules: [{reply: {text: "was {{ state.n }}", set_state: {n: "2"}}}]')
    assert [ask(asked).text for _ in range(2)] == ["was ", "was 2"]


@pytest.mark.parametrize("times", [1, 5])
def test_explaining_claims_nothing(times: int) -> None:
    """However often the book is asked to explain, the next claim is the first."""
    asked = engine("rules: [{name: once, exhausted: miss, when: {hit: 1}, replies: [{text: a}]}]")
    first = ask(engine("rules: []"))
    for _ in range(times):
        [report] = asked.book.explain(first.play.exchange.request)
        assert report.failed == ()
    assert ask(asked).text == "a"
    assert ask(asked).status == 404


def test_defaults_belong_to_every_rule_of_the_file_and_a_rule_s_own_words_win() -> None:
    asked = engine("""
defaults:
  when: {model: gpt-5, metadata: {team: a}}
  headers: {x-a: default, x-b: default}
  usage: {input_tokens: 7, input_tokens_details: {cached_tokens: 3}}
rules:
  - {when: {input: own model, model: o9}, reply: {text: own model}}
  - {when: {input: own modifiers}, reply: {text: x, headers: {x-a: own}, usage: {output_tokens: 1}}}
  - {when: {input: plain}, reply: {text: plain}}
otherwise: {text: other}
""")
    team: Any = {"metadata": {"team": "a"}}
    assert ask(asked, "own model", model="o9", **team).text == "own model"
    assert ask(asked, "own model", **team).text == "other"
    assert ask(asked, "plain").text == "other"
    plain = ask(asked, "plain", **team)
    assert (plain.text, plain.headers["x-a"]) == ("plain", "default")
    assert plain.json["usage"]["input_tokens"] == 7
    own = ask(asked, "own modifiers", **team)
    assert own.headers["x-a"] == "own"
    assert own.json["usage"]["output_tokens"] == 1


def test_an_error_takes_no_default_that_means_nothing_beside_it() -> None:
    asked = engine("""
defaults: {usage: {input_tokens: 7}, headers: {x-a: b}}
rules: [{reply: {error: server_error}}]
""")
    answer = ask(asked)
    assert (answer.status, answer.headers["x-a"]) == (500, "b")


def test_sessions_have_counts_of_their_own() -> None:
    asked = engine("rules: [{exhausted: miss, replies: [{text: a}]}]\notherwise: {text: other}")
    assert [ask(asked, session=name).text for name in ("s1", "s1", "s2", "default")] == ["a", "other", "a", "a"]


def test_counts_outlive_a_reload_by_file_and_name() -> None:
    text = "rules: [{name: once, exhausted: miss, replies: [{text: a}]}]\notherwise: {text: %s}"
    asked = engine(text % "old")
    assert ask(asked).text == "a"
    file = parse(text % "new", "a.mock.yaml")
    assert file.otherwise is not None
    asked.book = RuleBook(file.rules, [file.otherwise])
    assert ask(asked).text == "new"
