"""What is a secret and what is not, what becomes of it, and what is refused. Keys are put together so that none stands here."""

from __future__ import annotations

import base64
import json
import time
import zlib
from typing import Any

import pytest

from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.customs import Customs, Pattern, Redact
from mockserver.core.recordings.secrets.finder import Finder
from mockserver.core.recordings.secrets.ownkeys import is_guarded
from mockserver.core.recordings.secrets.redactor import Redactor

MIXED = "Zq3Ef6hIjKl9mNo2PqRs5tUv8wXyZa1Bc4De7Fg0Hi"
KEY = f"sk-proj-{MIXED}"
PEM = "\n".join([f"-----BEGIN RSA {'PRIVATE KEY'}-----", MIXED + MIXED, MIXED, f"-----END RSA {'PRIVATE KEY'}-----"])
JWT = ".".join([f"ey{'J'}hbGciOiJIUzI1NiJ9", f"ey{'J'}zdWIiOiIxMjM0NTY3ODkwIn0", MIXED])
BASIC = base64.b64encode(b"someone:wonderland").decode()


def replaced(text: str, **how: Any) -> str:
    """The text as the finder leaves it."""
    made, at = "", 0
    for span in Finder(**how).find(text):
        made += f"{text[at : span.start]}<{span.kind}>"
        at = span.end
    return made + text[at:]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"my key {KEY}.", "my key <api_key>."),
        (f"OPENAI_API_KEY=sk-{MIXED}", "OPENAI_API_KEY=<api_key>"),
        (f"sk-ant-api03-{MIXED}-{MIXED}", "<api_key>"),
        (
            f"Incorrect API key provided: sk-abcd{'*' * 20}wxyz. You can",
            "Incorrect API key provided: <api_key>. You can",
        ),
        ("Incorrect API key provided: test****-key.", "Incorrect API key provided: <api_key>."),
        (f"Authorization: Bearer {MIXED}", "Authorization: Bearer <token>"),
        (f"Authorization: Basic {BASIC}", "Authorization: Basic <credentials>"),
        (f"AK{'IA'}ABCDEFGH1234WXYZ", "<aws_access_key>"),
        (f"aws_secret_access_key = {MIXED[:40]}", "aws_secret_access_key = <secret_key>"),
        (f"gh{'p_'}{MIXED[:36]}", "<github_token>"),
        (f"github{'_pat_'}{MIXED}", "<github_token>"),
        (f"gl{'pat-'}{MIXED[:20]}", "<gitlab_token>"),
        (f"AI{'za'}{MIXED[:35]}", "<google_key>"),
        (f"xox{'b-'}123456789012-{MIXED}", "<slack_token>"),
        (f"sk{'_live_'}{MIXED[:24]}", "<stripe_key>"),
        (f"hf{'_'}{MIXED[:34]}", "<huggingface_token>"),
        (f"npm{'_'}{MIXED[:36]}", "<npm_token>"),
        (f"AccountKey={MIXED}{MIXED}==;Endpoint", "AccountKey=<access_key>;Endpoint"),
        (JWT, "<jwt>"),
        (f"cert:\n{PEM}\nend", "cert:\n<private_key>\nend"),
        (PEM.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0A1B\n\n", 1), "<private_key>"),
        (json.dumps({"pem": PEM}), '{"pem": "<private_key>"}'),
        ("postgresql://bob:wonder7land@db/x", "postgresql://bob:<url_password>@db/x"),
        ('{"password": "wonder7land"}', '{"password": "<password>"}'),
        (r"{\"api_key\": \"wonder7land\"}", r"{\"api_key\": \"<api_key>\"}"),
        ("grant=1&client_secret=wonder7land&x=2", "grant=1&client_secret=<secret>&x=2"),
        ("x-api-key: wonder7land", "x-api-key: <api_key>"),
        ("  password: wonder7land", "  password: <password>"),
        (f"line\\n{KEY}", "line\\n<api_key>"),
        (KEY.replace("-", "\\u002d"), "<api_key>"),
        (KEY.replace("-", "\\\\u002D"), "<api_key>"),
        (KEY.replace("-", "%2D"), "<api_key>"),
        ("The organization org-Zq3Ef6hIjKl9mNo2PqRs5tUv has no", "The organization <organization> has no"),
        ("Project `proj_Zq3Ef6hIjKl9mNo2PqRs5tUv` does", "Project `<project>` does"),
    ],
)
def test_what_is_a_secret(text: str, left: str) -> None:
    """By its shape, or by the name beside it, however it is escaped."""
    assert replaced(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "risk-averse-and-task-oriented-people-with-skills",
        "sk-learn-pipeline-with-many-steps",
        "sk-test",
        "a basic understanding123 of bearer bonds",
        '"input_tokens": 12345678901234567890, "max_output_tokens": 1000000000',
        "total_tokens=1234567890123456",
        "password = getpass_v2(prompt)",
        "api_key = os.environ['KEY_123456']",
        "api_key: ${OPENAI_API_KEY_2}",
        "api_key=OPENAI_API_KEY_2",
        "password: required",
        "token: Keyword.Type.Declaration",
        '"next_page_token": "Zq3Ef6hIjKl9mNo2PqRs5t"',
        "resp_0123456789abcdef0123456789abcdef0123456789abcdef",
        "call_Zq3Ef6hIjKl9mNo2PqRs5tUv req_0123456789abcdef0123456789abcdef",
        "6f1c3f6e-7d1f-4f8e-9d52-0a4a2b7a7c11",
        "postgresql://user:password@localhost/db",
        "https://host:8080/path@2",
        "-----BEGIN PRIVATE KEY----- opens a key",
        f"{MIXED}{MIXED}-sk-{MIXED}",
        "<redacted:api_key> and password=<redacted:password>",
        "Authorization: Bearer <redacted:token>",
        "someone@example.org",
    ],
)
def test_what_is_none(text: str) -> None:
    """Words, counts, ids, code, stand-ins, the middle of base64, and what was replaced already."""
    assert replaced(text) == text


def test_addresses_by_option() -> None:
    """Not unless asked for."""
    assert replaced("to bob.b+x@mail.example.org, or @bob", emails=True) == "to <email>, or @bob"


@pytest.mark.parametrize(
    ("value", "guarded"),
    [
        (KEY, True), ("0123456789abcdef0123456789abcdee", True), ("token-abc1234xyz", True), ("wonderlandwonderland", True),
        ("", False), ("abc1234", False), ("mock", False), ("sk-test", False), ("test-api-key", False), ("not-needed", False),
        ("your-api-key-here", False), ("sk-1234567890", False), ("sk-xxxxxxxxxxxxxxxxxxxxxxxx", False), ("lm-studio", False),
        ("assistant", False), ("<redacted:own_key>", False),
    ],
)  # fmt: skip
def test_which_keys_must_not_be_found_again(value: str, guarded: bool) -> None:
    """Short ones and dummies would make everything a leak."""
    assert is_guarded(value) is guarded


def capture(answer: Any = b"", *, request: Any = b"", key: str = KEY, stream: bool = False, **more: Any) -> Capture:
    """One exchange with JSON or bytes on both sides; a list is a stream of events."""
    if isinstance(answer, list):
        stream = True
        answer = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in answer)
    kind = "text/event-stream" if stream else "application/json"
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    given: dict[str, Any] = {
        "headers": (("content-type", kind),),
        "request_headers": {"authorization": f"Bearer {key}", "user-agent": "x/1"},
        **more,
    }
    sent = request if isinstance(request, bytes) else json.dumps(request).encode()
    return Capture("POST", "/v1/responses", 200, pieces=(Piece(1.0, body),), request_body=sent, **given)


def test_headers_that_tell_who_asked_are_dropped() -> None:
    """And the ids they hold are looked for everywhere; headers of the request are not kept but the client's name."""
    headers = (
        ("content-type", "application/json"), ("set-cookie", "a=b"), ("openai-organization", "acme-7f3k"),
        ("openai-project", "proj_Zq3Ef6hIjKl9mNo2PqRs5tUv"), ("x-ratelimit-remaining-tokens", "12"), ("x-auth-token", "abc"),
        ("access-control-allow-credentials", "true"), ("location", f"https://a/?k={KEY}"),
    )  # fmt: skip
    message = (
        "Rate limit reached for acme-7f3k in project proj_Zq3Ef6hIjKl9mNo2PqRs5tUv, organization org-Zq3Ef6hIjKl9mNo2"
    )
    cleaned = Redactor().clean(capture({"error": {"message": message}}, headers=headers))
    assert cleaned.capture.headers == (
        ("content-type", "application/json"),
        ("x-ratelimit-remaining-tokens", "12"),
        ("access-control-allow-credentials", "true"),
        ("location", "https://a/?k=<redacted:api_key>"),
    )
    assert json.loads(cleaned.capture.body)["error"]["message"] == (
        "Rate limit reached for <redacted:organization> in project <redacted:project>, organization <redacted:organization>"
    )
    assert cleaned.capture.request_headers == {"user-agent": "x/1"}
    assert str(cleaned.found[-1]) == "api_key in answer, header location"


def test_random_text_by_nature_is_left_alone() -> None:
    """Reasoning, cache keys, logprobs, embeddings, images; but the request's own key is found in them."""
    value = {
        "encrypted_content": f"gAAAA-sk-{MIXED}", "prompt_cache_key": f"sk-{MIXED}", "safety_identifier": JWT,
        "logprobs": [{"token": f"sk-{MIXED}"}], "image_url": f"data:image/png;base64,{MIXED * 9}", "result": MIXED * 20,
        "usage": {"input_tokens": 12}, "max_output_tokens": 100, "id": f"resp_{MIXED}", "authorization": None,
    }  # fmt: skip
    cleaned = Redactor().clean(capture(value, request=value, key=""))
    assert json.loads(cleaned.capture.body) == json.loads(cleaned.capture.request_body) == value
    cleaned = Redactor().clean(capture({"encrypted_content": f"gA-{KEY}"}))
    assert json.loads(cleaned.capture.body) == {"encrypted_content": "gA-<redacted:own_key>"}


def test_credentials_of_a_tool_are_replaced_whatever_they_look_like() -> None:
    """In a replay a dummy stands there: both must read the same."""
    tools = [
        {"type": "mcp", "authorization": KEY, "headers": {"Authorization": f"Bearer {MIXED}", "Cookie": "a=b; c=d"}}
    ]
    dummies = [{"type": "mcp", "authorization": "x", "headers": {"Authorization": "Bearer x", "Cookie": "y"}}]
    redactor = Redactor()
    recorded = json.loads(redactor.clean(capture(request={"tools": tools})).capture.request_body)
    assert redactor.body({"tools": dummies}) == recorded
    assert recorded["tools"][0]["headers"] == {
        "Authorization": "<redacted:authorization>",
        "Cookie": "<redacted:cookie>",
    }


def test_a_key_in_the_query_is_replaced_by_its_name() -> None:
    """So that another key, or a dummy, asks for the same."""
    redactor = Redactor()
    cleaned = redactor.clean(capture(query={"api-key": MIXED, "limit": "2"}, request={"echo": MIXED}, key=""))
    assert dict(cleaned.capture.query) == {"api-key": "<redacted:api_key>", "limit": "2"}
    assert cleaned.capture.request_body == b'{"echo": "<redacted:own_key>"}'
    assert redactor.body({"api-key": "test", "limit": "2"}) == cleaned.capture.query


def test_bytes_elsewhere_stay_as_they_are() -> None:
    """Invalid UTF-8, odd spacing, doubled names, surrogates: only the secret goes, also where a name comes twice."""
    body = (
        b'{ "a" :"\xff\xfe ' + KEY.encode() + b'\xf0",\n "a": "\\ud800", "b":1.0e5 , "k":"' + KEY.encode() + b'","k":2}'
    )
    left = b'{ "a" :"\xff\xfe <redacted:api_key>\xf0",\n "a": "\\ud800", "b":1.0e5 , "k":"<redacted:api_key>","k":2}'
    assert Redactor().clean(capture(body, request=body)).capture.body == left
    assert Redactor().clean(capture(body, request=body)).capture.request_body == left


def test_a_body_that_was_cut_off() -> None:
    """In the midst of JSON, of an event, of a key."""
    body = b'{"a": "x", "b": "' + KEY.encode()
    assert Redactor().clean(capture(body)).capture.body == b'{"a": "x", "b": "<redacted:api_key>'
    own = MIXED[:32]
    stream = b'data: {"type":"a.delta","delta":"k %b"}\n\ndata: {"type":"a.delta","delta":"%b' % (
        own[:14].encode(),
        own[14:28].encode(),
    )
    cleaned = Redactor().clean(capture(stream, key=own, stream=True))
    assert cleaned.capture.body == (
        b'data: {"type":"a.delta","delta":"k <redacted:own_key>"}\n\ndata: {"type":"a.delta","delta":"'
    )


def test_data_on_several_lines_comments_and_other_lines() -> None:
    """A stream may say the same in other ways."""
    body = b': %b\nid: %b\ndata: {"a":\r\ndata:  "%b"}\n\ndata: pem\ndata: %b\n\n' % (
        KEY.encode(),
        KEY.encode(),
        KEY.encode(),
        PEM.replace("\n", "\ndata: ").encode(),
    )
    assert Redactor().clean(capture(body, stream=True)).capture.body == (
        b': <redacted:api_key>\nid: <redacted:api_key>\ndata: {"a":\r\ndata:  "<redacted:api_key>"}\n\n'
        b"data: pem\ndata: <redacted:private_key>\n\n"
    )


def test_pieces_of_other_apis() -> None:
    """Chat completions through the same proxy: each choice is a text of its own."""
    chunks = [
        {"object": "chat.completion.chunk", "choices": [{"index": index, "delta": {"content": text}}]}
        for part in (KEY[:4], KEY[4:9], KEY[9:])
        for index, text in ((0, part), (1, "fine "))
    ]
    cleaned = Redactor().clean(capture(chunks))
    texts = [
        json.loads(line[6:])["choices"][0]["delta"]["content"] for line in cleaned.capture.body.split(b"\n\n") if line
    ]
    assert texts == ["<redacted:api_key>", "fine ", "", "fine ", "", "fine "]


def test_words_that_look_like_a_key_only_when_torn_apart() -> None:
    """A piece is judged by the whole text, so that the deltas still make up the done text."""
    pieces = ["ta", f"sk-{MIXED}"]
    events: list[Any] = [{"type": "response.output_text.delta", "delta": each} for each in pieces]
    events.append({"type": "response.output_text.done", "text": "".join(pieces)})
    given = capture(events, key="")
    assert Redactor().clean(given).capture.body == given.body


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (
            [{"type": "odd", "chunk": KEY[:20]}, {"type": "odd", "chunk": KEY[20:]}],
            "answer, events 1 to 2 joined (odd), $.chunk (as it is)",
        ),
        (
            {"a": {"b": base64.b64encode(base64.b64encode(f"x{KEY}y".encode())).decode()}},
            "answer, $.a.b (base64 within base64)",
        ),
        (
            [{"type": "e", "z": base64.b64encode(zlib.compress(KEY.encode() * 3)).decode()}],
            "answer, event 1 (e), $.z (compressed base64)",
        ),
        (zlib.compress(f"k {KEY}".encode()), "answer (as it is)"),
    ],
)
def test_what_cannot_be_taken_out_is_told(answer: Any, place: str) -> None:
    """With the place and the form; then nothing must be written."""
    assert [str(leak) for leak in Redactor().clean(capture(answer)).leaks] == [place]


def test_what_a_folder_calls_secret_besides() -> None:
    """Patterns, fields of bodies, headers, parameters."""
    customs = Customs(
        redact=Redact(
            (Pattern("employee", r"E-\d{6}"),),
            ("$.user", "$..tenant", "$.usage", "headers.X-Tenant", "query.t"),
            emails=True,
        )
    )
    redactor = Redactor(customs)
    body = {
        "user": "bob",
        "x": [{"tenant": {"id": 1}}, {"tenant": None}],
        "y": "E-123456 a@b.example",
        "usage": {"tokens": 1},
    }
    asked = {"t": "1", "u": "E-000001"}
    headers = (("content-type", "application/json"), ("x-tenant", "acme"))
    cleaned = redactor.clean(capture(body, request=body, query=asked, headers=headers))
    assert json.loads(cleaned.capture.body) == {
        "user": "<redacted:field>",
        "x": [{"tenant": "<redacted:field>"}, {"tenant": None}],
        "y": "<redacted:employee> <redacted:email>",
        "usage": "<redacted:field>",
    }
    assert redactor.body(body) == json.loads(cleaned.capture.request_body) == json.loads(cleaned.capture.body)
    assert dict(cleaned.capture.query) == {"t": "<redacted:field>", "u": "<redacted:employee>"}
    assert cleaned.capture.headers == headers[:1]
    events = [{"type": "response.created", "response": {"user": "bob"}}, {"type": "response.x.delta", "delta": "E-12"}]
    events.append({"type": "response.x.delta", "delta": "3456."})
    told = [json.loads(line[6:]) for line in redactor.clean(capture(events)).capture.body.split(b"\n\n") if line]
    assert told[0]["response"]["user"] == "<redacted:field>"
    assert [event["delta"] for event in told[1:]] == ["<redacted:employee>", "."]


def test_fields_that_count_stay() -> None:
    """Numbers of tokens are no secret, whoever selects them."""
    redactor = Redactor(Customs(redact=Redact(fields=("$..*",))))
    value = {"max_output_tokens": 5, "usage": 7, "n": 6}
    assert redactor.body(value) == {"max_output_tokens": 5, "usage": 7, "n": "<redacted:field>"}


@pytest.mark.parametrize(
    "unit",
    ["sk-", "eyJ-", "AccountKey=", "password:", "gsk_", "a@a.", "https://a:", "\\", "BEGIN PRIVATE KEY", "a: b "],
)
def test_nothing_takes_for_ever(unit: str) -> None:
    """What keeps nearly opening a secret is still read in one go: quadratic, each of these would take minutes."""
    text = f"-----BEGIN {'PRIVATE KEY'}-----{unit * (300_000 // len(unit))}"
    started = time.process_time()
    Finder(emails=True).find(text)
    assert time.process_time() - started < 10


def test_an_own_key_is_called_by_its_looks() -> None:
    """Shapes and names tell without the headers of the request; a later one has another key."""
    key = f"sk-{MIXED}.with.more"
    redactor = Redactor()
    assert redactor.clean(capture(request={"a": key}, key=key)).capture.request_body == b'{"a": "<redacted:api_key>"}'


def test_a_key_broken_into_lines() -> None:
    """Base64 in mail, or wrapped by hand."""
    text = base64.encodebytes(f"{'-' * 40}{KEY}".encode()).decode()
    assert text.count("\n") > 1
    cleaned = Redactor().clean(capture({"a": f"({text})"}))
    assert json.loads(cleaned.capture.body)["a"].endswith("<redacted:own_key>\n)")
    cleaned = Redactor().clean(capture({"a": f"({MIXED[:20]}\r\n  {MIXED[20:]} )"}, key=MIXED))
    assert json.loads(cleaned.capture.body) == {"a": "(<redacted:own_key> )"}
