"""Rule files: what they build, and what is said about bad ones, as the author reads it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.faults import FAULTS, Fault, Place
from mockserver.core.items.sketches import ITEMS
from mockserver.core.limits import Limit
from mockserver.core.reply import Auto, Error, Events, Failed, Forward, Http, Output
from mockserver.core.rulefiles import replyform, ruleform
from mockserver.core.rulefiles.modifiers import TIMING
from mockserver.core.rulefiles.rulefile import FORM, Include, RuleFile, parse
from mockserver.core.rules.matchers import MATCHERS
from mockserver.core.rules.targets import TARGETS
from mockserver.core.timeline import Timing


def built(text: str) -> RuleFile:
    file = parse(text, "f.mock.yaml")
    assert [str(problem) for problem in file.problems] == []
    return file


def told(text: str) -> list[str]:
    return [str(problem).removeprefix("f:") for problem in parse(text, "f").problems]


# What is built

WHOLE = """\
version: 1
include: [more, "../others/*.mock.yaml"]
auth: {keys: [sk-one, sk-two]}
limits: [{requests: 60, per: key}, {tokens: 1000}]
defaults:
  when: {model: gpt-5, stream: true}
  timing: {every: 20ms}
  headers: {x-from: defaults}
rules:
  - name: the weather
    when: {input: {contains: weather}, stream: false}
    priority: 2
    optional: true
    turns:
      - call: {get_weather: {city: Paris}, find: {}}
      - text: "It is {{ tool_outputs.get_weather }}."
        timing: {first: 300ms, tokens_per_second: 40, jitter: 5ms, chunk: char}
  - replies:
      - {error: rate_limit_exceeded, times: 2, retry_after: 1.5s}
      - bare text
    exhausted: cycle
    recorded: {at: 2026-01-01, digest: "12e45"}
  - reply:
      output:
        - reasoning: Thinking.
        - {type: local_shell_call, action: {type: exec, command: [ls], env: {}}}
        - custom_tool_call: {name: grep, input: x}
      failed: {code: server_error, message: Broke., after: 3}
      usage: {input_tokens: 5, output_tokens_details: {reasoning_tokens: null}}
      response: {service_tier: flex}
      headers: {X-One: a, x-many: [b, 2]}
      speed: 2
      faults: [cut, {reset: {after: {deltas: 3}}}, {delay: 300ms}]
      set_state: {step: paid, gone: null}
otherwise:
  auto: true
"""


def test_a_file_is_read_whole() -> None:
    file = built(WHOLE)
    assert file.usable
    assert file.include == (Include("more", 2, 11), Include("../others/*.mock.yaml", 2, 17))
    assert file.auth == ("sk-one", "sk-two")
    assert file.limits == (Limit(requests=60, per="key"), Limit(tokens=1000))
    assert [rule.name for rule in file.rules] == ["the weather", "f.mock.yaml:18", "f.mock.yaml:23"]
    assert [rule.place for rule in file.rules] == ["f.mock.yaml:10", "f.mock.yaml:18", "f.mock.yaml:23"]
    assert file.rules[0].key == ("f.mock.yaml", "the weather")
    assert file.recorded == {"f.mock.yaml:18": {"at": "2026-01-01", "digest": "12e45"}}


def test_turns_know_the_calls_they_wait_for() -> None:
    rule = built(WHOLE).rules[0]
    assert (rule.turns, rule.priority, rule.optional, rule.exhausted) == (True, 2, True, None)
    (first, times), (second, _) = rule.replies
    assert times is None
    assert first.calls == ("get_weather", "find")
    assert second.calls == ()
    assert second.place == "f.mock.yaml:16"
    assert second.timing == Timing(first=300.0, tokens_per_second=40, jitter=5.0, chunk="char")


def test_replies_count_and_defaults_give_what_the_kind_takes() -> None:
    rule = built(WHOLE).rules[1]
    (error, twice), (text, once) = rule.replies
    assert (twice, once, rule.exhausted) == (2, 1, "cycle")
    assert isinstance(error.kind, Error)
    assert (error.kind.status, error.retry_after, error.timing) == (429, 1500.0, Timing(every=20.0))
    assert isinstance(text.kind, Output)
    assert text.kind.items.tree == [{"type": "message", "content": [{"type": "output_text", "text": "bare text"}]}]
    assert text.headers == (("x-from", "defaults"),)


def test_modifiers_are_read() -> None:
    (reply, _) = built(WHOLE).rules[2].replies[0]
    assert reply.calls == ("local_shell_call", "grep")
    assert reply.failed == Failed("server_error", "Broke.", 3)
    assert reply.usage == {"input_tokens": 5, "output_tokens_details": {"reasoning_tokens": None}}
    assert reply.response == {"service_tier": "flex"}
    assert reply.headers == (("X-One", "a"), ("x-many", "b"), ("x-many", "2"))
    assert reply.speed == 2
    assert reply.faults == (Fault("cut"), Fault("reset", Place("deltas", 3)), Fault("delay", Place(), 300.0))
    assert reply.set_state == {"step": "paid", "gone": None}


def test_defaults_give_conditions_key_by_key_and_spare_otherwise() -> None:
    file = built(WHOLE)
    paths = [[condition.path for condition in rule.conditions] for rule in file.rules]
    assert "model" in paths[0]
    assert [path for path in paths[0] if path.startswith("stream")] == ["stream"]
    assert file.otherwise is not None
    assert not [each.path for each in file.otherwise.conditions if each.path in ("model", "stream")]
    (reply, times) = file.otherwise.replies[0]
    assert (reply.kind, times, reply.timing) == (Auto(), None, Timing(every=20.0))
    assert (file.otherwise.name, file.otherwise.place) == ("otherwise", "f.mock.yaml:35")


def test_an_own_ending_wins_over_the_default_one() -> None:
    file = built(
        "defaults: {failed: {code: server_error}}\nrules:\n  - reply: {text: a, incomplete: content_filter}\n  - reply: a"
    )
    (first, _), (second, _) = file.rules[0].replies[0], file.rules[1].replies[0]
    assert (first.failed, first.incomplete) == (None, "content_filter")
    assert second.failed == Failed("server_error", "The model failed to produce an answer.")


def kind_of(reply: str) -> Any:
    return built(f"rules:\n  - reply: {reply}\n").rules[0].replies[0][0].kind


def test_http_answers_get_the_type_their_body_suggests() -> None:
    assert kind_of("{http: {status: 204}}") == Http(204)
    json = (("content-type", "application/json"),)
    assert kind_of("{http: {status: 200, body: {a: [1]}}}") == Http(200, json, b'{"a":[1]}')
    text = (("content-type", "text/plain; charset=utf-8"),)
    assert kind_of('{http: {status: 500, body: "{{ plain é"}}') == Http(500, text, "{{ plain é".encode())
    own = (("Content-Type", "text/html"), ("x", "1"))
    assert kind_of("{http: {status: 200, headers: {Content-Type: text/html, x: 1}, body: <p>}}") == Http(
        200, own, b"<p>"
    )
    waits = (("retry-after", "2"), ("retry-after-ms", "1500"))
    assert kind_of("{http: {status: 503}, retry_after: 1500ms}") == Http(503, waits)


def test_errors_come_from_the_catalogue_or_from_the_author() -> None:
    error = kind_of("{error: {name: model_not_found, model: gpt-9, status: 400, param: null}}")
    assert (error.name, error.status, error.body["error"]["param"]) == ("model_not_found", 400, None)
    assert "gpt-9" in error.body["error"]["message"]
    own = kind_of("{error: {status: 418, type: teapot, code: short, param: stout, message: No coffee.}}")
    assert own.status == 418
    assert own.body == {"error": {"message": "No coffee.", "type": "teapot", "param": "stout", "code": "short"}}


def test_the_other_kinds() -> None:
    assert kind_of("{forward: true}") == Forward()
    events = kind_of("{events: [created, in_progress, {at: 120ms, output_text.delta: Hel}, completed]}")
    assert isinstance(events, Events)
    assert [entry.place for entry in events.entries] == ["f.mock.yaml:2"] * 4
    assert [entry.at for entry in events.entries] == [None, None, 120.0, None]
    assert kind_of("{json: {a: 1}}").items.tree[0]["content"][0]["text"] == '{"a":1}'
    assert kind_of("{json: null}").items.tree[0]["content"][0]["text"] == "null"
    assert kind_of("{refusal: No.}").items.tree[0]["content"][0] == {"type": "refusal", "refusal": "No."}


def test_templates_stay_text_in_events_and_http() -> None:
    events = kind_of("{events: [created, in_progress, {output_text.delta: '{{ zzz }}'}, completed]}")
    assert events.entries[2].fields["delta"] == "{{ zzz }}"
    assert kind_of("{http: {status: 200, body: '{{ zzz'}}").body == b"{{ zzz"


def test_a_stream_rule_may_do_without_an_end_and_an_invalid_one_may_be_allowed() -> None:
    built("rules:\n  - when: {stream: true}\n    allow_invalid: true\n    reply: {events: [created, in_progress]}")
    built("rules:\n  - allow_invalid: true\n    reply: {events: [completed, created]}")


# What is told

BAD: list[tuple[str, list[str]]] = [
    # recordings
    (
        "match: {ignores: $.a}\nrules:\n  - {request: {text: a, base64: ''}, reply: a}",
        [
            "1:9: match.ignores: unknown key `ignores` in `match` (did you mean `ignore`?)",
            "3:25: rules[0].request.base64: a body is written in one way; found text and base64",
        ],
    ),
    (
        "rules:\n  - {request: {}, replies: [a]}\n  - {reply: a, exact: a.sse}\n  - {request: {}, reply: a, exact: a.exe}",
        [
            "2:19: rules[0].replies: `request` goes with `reply`, not with `replies`"
            " (each recording answers once, in order)",
            "3:16: rules[1].exact: `exact` goes with `request`: only recordings have exact bytes",
            "4:29: rules[2].exact: expected a file in this folder that ends in .sse, .chunks, .json, .txt, .bin; got `a.exe`"
            " (such as weather.1.sse; never absolute, no `..`)",
        ],
    ),
    # the file
    ("", ["1:1: the file is empty (it needs `rules:`, a list of rules, or `otherwise:`, a reply)"]),
    ("{}", ["1:1: the file says nothing (it needs `rules:`, a list of rules, or `otherwise:`, a reply)"]),
    ("- reply: hi", ["1:1: expected a mapping, got a list (put the list of rules under `rules:`)"]),
    ("rule: []", ["1:1: rule: unknown key `rule` in a rule file (did you mean `rules`?)"]),
    ("rules: 3", ["1:1: rules: expected a list, got `3`"]),
    (
        "when: {model: a}\nreply: hi",
        [
            "1:1: when: unknown key `when` in a rule file (`when` belongs in a rule, in the list `rules`)",
            "2:1: reply: unknown key `reply` in a rule file (`reply` belongs in a rule, in the list `rules`)",
        ],
    ),
    (
        "version: 2\ninclude: 3\nauth: {keys: []}\nlimits: {requests: 60, par: key}",
        [
            "1:1: version: expected 1, got `2`",
            '2:1: include: expected one line of text, got `3` (quote it: "3")',
            "3:8: auth.keys: expected at least one entry, got an empty list",
            "4:24: limits.par: unknown key 'par' (did you mean `per`?)",
        ],
    ),
    (
        "otherwise: {when: {model: a}, text: hi}",
        [
            "1:13: otherwise.when: unknown key `when` in a reply"
            " (`when` belongs to a rule; `otherwise` answers whatever no rule does)"
        ],
    ),
    # a rule
    (
        "rules: [hi]",
        [
            "1:9: rules[0]: expected a rule, a mapping; got `hi` (write e.g. `- {when: {input: hello}, reply: {text: Hi}}`)"
        ],
    ),
    ("rules: [{}]", ["1:9: rules[0]: a rule needs `reply`, `replies` or `turns`"]),
    (
        "rules:\n  - repply: {text: a}",
        ["2:5: rules[0].repply: unknown key `repply` in a rule (did you mean `reply`?)"],
    ),
    (
        "rules:\n  - model: x\n    text: hi",
        [
            "2:5: rules[0].model: unknown key `model` in a rule (`model` belongs inside `when`)",
            "3:5: rules[0].text: unknown key `text` in a rule (`text` belongs inside `reply`)",
        ],
    ),
    ("rules:\n  - when:\n    reply: hi", ["2:5: rules[0].when: expected a mapping, got nothing"]),
    ("rules:\n  - reply: a\n    turns: [b]", ["3:5: rules[0].turns: a rule answers in one way; found reply and turns"]),
    (
        "rules:\n  - reply: a\n    exhausted: repeet",
        [
            "3:5: rules[0].exhausted: expected one of miss, repeat, cycle; got `repeet` (did you mean `repeat`?)",
            "3:5: rules[0].exhausted: `exhausted` says what follows the last of `replies`; there are none",
        ],
    ),
    (
        "rules:\n  - {name: x, reply: a}\n  - {name: x, reply: b}",
        ["3:6: rules[1].name: line 2 has a rule of that name (hits are counted by name)"],
    ),
    ('rules:\n  - {name: "a\\nb", reply: a}', ["2:6: rules[0].name: expected one line of text, got `a\\nb`"]),
    (
        "rules:\n  - {priority: high, optional: yes, reply: a}",
        [
            "2:6: rules[0].priority: expected a whole number, got `high`",
            "2:22: rules[0].optional: expected true or false, got `yes`",
        ],
    ),
    (
        "rules:\n  - replies: [a, {text: b, times: 0}]",
        ["2:28: rules[0].replies[1].times: expected a whole number, at least 1, got `0`"],
    ),
    (
        "rules:\n  - turns: [a, {text: b, times: 2}]",
        [
            "2:26: rules[0].turns[1].times: unknown key `times` in a reply"
            " (`times` belongs to a reply in the list `replies`)"
        ],
    ),
    (
        "just text",
        [
            "1:1: expected a rule file, a mapping; got `just text`"
            " (its keys are version, include, defaults, match, auth, limits, rules, otherwise)"
        ],
    ),
    (
        "otherwise: {}",
        ["1:1: otherwise: a reply needs one of text, refusal, json, call, output, events, error, http, auto, forward"],
    ),
    (
        "rules: [3]\ndefaults: [4]",
        [
            "1:9: rules[0]: expected a rule, a mapping; got `3` (write e.g. `- {when: {input: hello}, reply: {text: Hi}}`)",
            "2:1: defaults: expected `defaults`, a mapping; got a list"
            " (write e.g. `defaults: {when: {model: gpt-5}, timing: {every: 20ms}}`)",
        ],
    ),
    (
        "defaults: {failed: {}, incomplete: content_filter, headers: {content-type: a}}\nrules: []",
        [
            "1:24: defaults.incomplete: a response ends once: `failed` or `incomplete`, not both",
            "1:62: defaults.headers.content-type: the content type goes with the kind of reply"
            " (for another one write `http` with `headers`)",
        ],
    ),
    ("rules:\n  - turns: []", ["2:5: rules[0].turns: expected a list of replies, got an empty list"]),
    # defaults: told once, where they stand
    (
        "defaults: {when: {hit: x}, text: b}\nrules:\n  - reply: a\n  - reply: b",
        [
            "1:19: defaults.when.hit: expected a number or a matcher such as {gte: 2}, got 'x'",
            "1:28: defaults.text: unknown key `text` in `defaults` (known keys: when, failed, incomplete, usage,"
            " response, headers, retry_after, timing, speed, faults, set_state)",
        ],
    ),
]

BAD_REPLIES: list[tuple[str, list[str]]] = [
    # kinds
    ("{}", ["5: a reply needs one of text, refusal, json, call, output, events, error, http, auto, forward"]),
    ("{text: a, json: b}", ["22:.json: a reply is one kind; found text and json"]),
    ("{txt: a}", ["13:.txt: unknown key `txt` in a reply (did you mean `text`?)"]),
    ("{first: 25ms, text: a}", ["13:.first: unknown key `first` in a reply (`first` belongs inside `timing`)"]),
    ("{text: 18}", ['13:.text: expected text, got `18` (quote it: "18")']),
    ("3", ["5: expected a reply, a mapping; got `3` (write e.g. `reply: {text: Hello}`)"]),
    ("{auto: false}", ["13:.auto: expected `true`, got false (leave the key out instead)"]),
    # timing
    (
        "{text: a, timing: {first: 25, evry: 3ms, every: abc}}",
        [
            "31:.timing.first: a time needs a unit; did you mean `25ms`?",
            "42:.timing.evry: unknown key `evry` in timing (did you mean `every`?)",
            "53:.timing.every: expected a time such as 25ms, 1.5s or 2m, got 'abc'",
        ],
    ),
    (
        "{text: a, timing: {every: 1ms, duration: 1s}}",
        [
            "43:.timing.duration: one of every, tokens_per_second, duration says how gaps are made;"
            " found every and duration"
        ],
    ),
    (
        "{text: a, timing: {first: 2s, duration: 1s}}",
        [
            "42:.timing.duration: the end comes before the first delta"
            " (`duration` counts from the request, like `first`)"
        ],
    ),
    (
        "{text: a, timing: 25ms}",
        ["22:.timing: expected timing, a mapping; got `25ms` (write e.g. `timing: {first: 300ms, every: 25ms}`)"],
    ),
    (
        "{text: a, timing: {chunk: 0, tokens_per_second: 0}}",
        [
            "31:.timing.chunk: expected word, char, whole or a number of characters, got `0`",
            "41:.timing.tokens_per_second: expected a number above 0, got `0`",
        ],
    ),
    # modifiers
    (
        "{text: a, retry_after: 2s}",
        ["22:.retry_after: `retry_after` means nothing beside `text` (it goes with error, http)"],
    ),
    ("{text: a, fill: false}", ["22:.fill: `fill` means nothing beside `text` (it goes with events)"]),
    (
        "{text: a, failed: {}, incomplete: content_filter}",
        ["34:.incomplete: a response ends once: `failed` or `incomplete`, not both"],
    ),
    (
        "{text: a, incomplete: max_tokens}",
        [
            "22:.incomplete: expected one of max_output_tokens, content_filter; got `max_tokens`"
            " (did you mean `max_output_tokens`?)"
        ],
    ),
    (
        "{text: a, usage: {input_tokens: -1, output_tokens_details: {reasoning_tokens: x}}}",
        [
            "30:.usage.input_tokens: expected a number of tokens, 0 or more, got `-1`",
            "72:.usage.output_tokens_details.reasoning_tokens: expected a number of tokens, 0 or more, got `x`",
        ],
    ),
    (
        "{text: a, response: {status: failed, output: [], metadata: {}}}",
        [
            "33:.response.status: `response` never sets `status`"
            " (the reply's kind, `failed` and `incomplete` decide it)",
            "49:.response.output: `response` never sets `output` (write it as `output`, beside `response`)",
        ],
    ),
    (
        '{text: a, headers: {x a: 1, content-length: 3, Content-Type: a, x: [null], y: "a\\nb"}}',
        [
            '32:.headers["x a"]: `x a` is no header name (header names are letters, digits and hyphens)',
            "40:.headers.content-length: `content-length` is written by the server (for a wrong one on purpose use a fault)",
            "59:.headers.Content-Type: the content type goes with the kind of reply"
            " (for another one write `http` with `headers`)",
            "76:.headers.x: expected the header's text, got nothing",
            "87:.headers.y: a header's text is one line without control characters",
        ],
    ),
    (
        "{text: a, failed: [], usage: 3, set_state: x, headers: y, response: z}",
        [
            "22:.failed: expected `failed`, a mapping; got a list"
            " (write e.g. `failed: {code: server_error, message: The model broke., after: 3}`)",
            "34:.usage: expected numbers of tokens by name, got `3` (write e.g. `usage: {input_tokens: 12}`)",
            "44:.set_state: expected texts by name, got `x` (write e.g. `set_state: {step: paid}`)",
            "58:.headers: expected headers by name, got `y` (write e.g. `headers: {x-served-by: cache-1}`)",
            "70:.response: expected a mapping, got `z`",
        ],
    ),
    (
        "{text: a, failed: {code: server_eror}}",
        ["31:.failed.code: no response fails with the code `server_eror` (did you mean `server_error`?)"],
    ),
    ("{text: a, speed: -1}", ["22:.speed: expected a number, 0 or more, got `-1`"]),
    ("{text: a, faults: cutt}", ["22:.faults: unknown fault `cutt` (did you mean `cut`?)"]),
    (
        "{text: a, set_state: {step: 2}}",
        ['34:.set_state.step: state holds text, or null to unset it; got `2` (quote it: "2")'],
    ),
    # errors and http
    (
        "{error: rate_limit_exceded}",
        [
            "13:.error: unknown error `rate_limit_exceded`"
            " (did you mean `rate_limit_exceeded`? for one of your own write `status` and `message`)"
        ],
    ),
    (
        "{error: {message: hi}}",
        [
            "13:.error: an error needs a `name` from the catalogue or a `status`"
            " (write e.g. `error: {status: 418, code: teapot, message: No coffee here.}`)"
        ],
    ),
    (
        "{error: 429}",
        [
            "13:.error: expected an error's name or a mapping, got `429`"
            " (write e.g. `error: {status: 418, code: teapot, message: No coffee here.}`)"
        ],
    ),
    (
        "{error: slow_down, retry_after: 5, timing: {first: 5}}",
        [
            "31:.retry_after: a time needs a unit; did you mean `5s`?",  # what its header counts in
            "56:.timing.first: a time needs a unit; did you mean `5ms`?",
        ],
    ),
    ("{error: {status: 200}}", ["21:.error.status: expected an HTTP status from 400 to 599, got `200`"]),
    (
        "{error: {status: 418, headers: {}}}",
        ["34:.error.headers: unknown key `headers` in an error (`headers` belongs beside `error`)"],
    ),
    ("{http: {status: 204, body: x}}", ["33:.http.body: an answer with status 204 has no body"]),
    (
        "{http: {sttus: 200}}",
        [
            "13:.http: `status` is missing in an HTTP answer (write e.g. `http: {status: 200, body: {ok: true}}`)",
            "20:.http.sttus: unknown key `sttus` in an HTTP answer (did you mean `status`?)",
        ],
    ),
    # events
    (
        "{events: [created, in_progress]}",
        [
            "13:.events: no event ends the response, so there is no answer for `stream: false`"
            " (end with completed, incomplete or failed, or say `when: {stream: true}`)"
        ],
    ),
    (
        "{events: created}",
        ["13:.events: expected a list of events, got `created` (write e.g. `events: [created, completed]`)"],
    ),
    # templates, with the column inside the text
    (
        '{text: "It is {{ tool_otput }} now"}',
        ["26:.text: `{{ tool_otput }}` begins with an unknown name, `tool_otput` (did you mean `tool_output`?)"],
    ),
    (
        '{call: {f: {city: "{{ inptu }}"}}}',
        ["31:.call: `{{ inptu }}` begins with an unknown name, `inptu` (did you mean `input`?)"],
    ),
]


@pytest.mark.parametrize(("text", "messages"), BAD)
def test_a_bad_file_is_told_in_full(text: str, messages: list[str]) -> None:
    assert told(text) == messages


@pytest.mark.parametrize(("reply", "messages"), BAD_REPLIES)
def test_a_bad_reply_is_told_in_full(reply: str, messages: list[str]) -> None:
    prefix = "2:"
    expected = []
    for message in messages:
        column, _, rest = message.partition(":")
        expected.append(
            f"{prefix}{column}: rules[0].reply{rest}" if rest[0] == "." else f"{prefix}{column}: rules[0].reply:{rest}"
        )
    assert told(f"rules:\n  - reply: {reply}") == expected


def test_an_illegal_order_of_events_points_at_the_event() -> None:
    names = "".join(f"        - {name}\n" for name in ("created", "in_progress", "completed", "in_progress"))
    [problem] = parse(f"rules:\n  - reply:\n      events:\n{names}", "f").problems
    assert (problem.line, problem.column, problem.key) == (7, 11, "rules[0].reply.events[3]")
    assert problem.hint == "if it is meant, say `allow_invalid: true` in the rule"


def test_a_template_in_a_block_of_text_is_found_on_its_line() -> None:
    [problem] = parse("otherwise: >-\n  hello {{ model }}\n  and {{ nobody }}\n", "f").problems
    assert (problem.line, problem.column) == (3, 7)


def test_mistakes_of_all_rooms_come_together_in_file_order() -> None:
    text = "rules:\n  - when: {model: *-mini}\n    reply: {text: '{{ x }}', speed: fast}\n    reply: {text: b}\n  - replyy: c\n"
    assert [message.split(": ")[0] for message in told(text)] == ["2:19", "3:20", "3:30", "4:5", "5:5"]


def test_one_mistake_never_hides_the_good_rules() -> None:
    file = parse("rules:\n  - {name: good, reply: a}\n  - {name: bad, reply: {}}\notherwise: ok", "f")
    assert [rule.name for rule in file.rules] == ["good"]
    assert file.otherwise is not None
    assert not file.usable


def test_a_mistake_is_one_short_line() -> None:
    [message] = told(f"rules:\n  - {{{'k' * 5000}: 1, reply: a}}")
    assert len(message) < 6000  # the key itself is long; what is said about it is not
    assert "\n" not in message


def test_what_is_said_of_a_long_text_is_short() -> None:
    [problem] = parse(f"otherwise: 'a {{{{ {'x' * 5000} }}}}'", "f").problems
    assert len(problem.message) <= 301
    [problem] = parse(f"rules:\n  - {{reply: {{error: {'e' * 5000}}}}}", "f").problems
    assert len(problem.message) == 301


def test_names_may_hold_any_visible_character() -> None:
    assert built('rules:\n  - {name: "👩‍💻 é\u00a0x", reply: a}').rules[0].name == "👩‍💻 é\u00a0x"


def test_a_file_without_a_name_still_gives_places() -> None:
    file = parse("rules:\n  - reply: a", "")
    assert file.rules[0].name == "line 2"


# Any text at all

KEYS = [*FORM.keys, *ruleform.FORM.keys, *replyform.COUNTED.keys, *TIMING.keys, *TARGETS, *MATCHERS, *ITEMS, *FAULTS]
WORDS = st.sampled_from([*KEYS, "type", "at", "data", "created", "output_text.delta", "completed", "after"])
SCRAPS = st.sampled_from(
    [
        "{{ input }}",
        "{{",
        "*x",
        "25ms",
        "25",
        "true",
        "null",
        "'",
        '"',
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "\n",
        "\n  ",
        ",",
        "&a ",
        "*a",
        "<<",
        "(",
        "$.",
        "\t",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS | SCRAPS | st.text(max_size=3), max_size=40).map("".join))
def test_any_text_is_parsed_or_explained(text: str) -> None:
    began = time.thread_time()
    file = parse(text, "f")
    assert time.thread_time() - began < 1
    for problem in file.problems:
        assert problem.message
        assert problem.line >= 1


LOOSE = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | WORDS | st.sampled_from(["{{ model }}", "{{ no }}", "25ms", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(LOOSE)
def test_any_value_in_any_place_is_parsed_or_explained(value: Any) -> None:
    """JSON is YAML, so values of any shape reach every reader."""
    for text in (
        {"rules": [{"when": value, "reply": value, "turns": [value]}]},
        {"rules": [value]},
        {"defaults": value},
        value,
    ):
        for problem in parse(json.dumps(text), "f").problems:
            assert problem.message


def test_a_rule_knows_which_headers_it_looks_at() -> None:
    """In conditions at any depth and in templates, never those of its answer."""
    file = built("""
defaults: {when: {headers: {X-A: a}}}
rules:
  - when: {any_of: [{headers: {x-b: b}}, {not: {all_of: [{headers: {X-C: c}}]}}]}
    reply: {text: "{{ headers.X-D }} and {{headers['x-e']}}", headers: {x-not: mine}}
  - {when: {headers: {x-f: f}}, replies: [{json: {a: ["{{ headers.x-g }}"]}}]}
otherwise: {text: "{{ headers.x-h }}"}
""")
    first, second = file.rules
    assert first.headers == {"x-a", "x-b", "x-c", "x-d", "x-e"}
    assert second.headers == {"x-f", "x-g"}
    assert file.otherwise is not None
    assert file.otherwise.headers == {"x-h"}


def test_rules_on_one_line_count_apart() -> None:
    """As when a file is JSON: each has a name of its own, the first the line's."""
    file = parse(
        '{"rules": [{"reply": "a"}, {"reply": "b"}, {"name": "c", "reply": "c"}, {"reply": "d"}]}', "x.mock.yaml"
    )
    assert [rule.name for rule in file.rules] == ["x.mock.yaml:1", "x.mock.yaml:1#2", "c", "x.mock.yaml:1#3"]
    assert len({rule.key for rule in file.rules}) == 4
