"""Long base64 of a recording stands in files, and comes back to the letter before anything is compared."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.recordings.attachments import LEAST, attached, detached, named
from mockserver.core.recordings.editing import beside, listed
from mockserver.core.recordings.writing.text import new_file
from mockserver.core.rulefiles.recordingform import exact_digest
from mockserver.core.rulefiles.rulefile import parse
from tests.core.capturing import captured, http, written
from tests.core.recorded import read

NOISE = random.Random(7).randbytes(3_000)
PNG = b"\x89PNG\r\n\x1a\n" + NOISE


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64(content)}"


def asking(url: str, text: str = "what is this") -> list[dict[str, Any]]:
    return [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url}],
        }
    ]


@pytest.mark.parametrize(
    ("content", "kind", "suffix"),
    [
        (PNG, "application/octet-stream", "png"),
        (b"\xff\xd8\xff\xe0" + NOISE, "image/png", "jpg"),
        (b"GIF89a" + NOISE, "", "gif"),
        (b"RIFF\n\0\0\0WEBP" + NOISE, "", "webp"),
        (b"RIFF\n\0\0\0WAVE" + NOISE, "", "wav"),
        (b"ID3\x04" + NOISE, "", "mp3"),
        (b"%PDF-1.7\n" + NOISE, "", "pdf"),
        (NOISE, "audio/mpeg", "mp3"),
        (NOISE, "text/plain;charset=utf-8", "bin"),
        (NOISE, "", "bin"),
    ],
)
def test_a_file_is_called_by_what_it_is(content: bytes, kind: str, suffix: str) -> None:
    """Its first bytes say that, else the media type before it; the text around it stays."""
    text = data_url(content, kind) if kind else b64(content)
    found = detached({"a": ["x", {"b": text}]}, "cat")
    [name] = found.files
    assert name == f"cat-{exact_digest(content)[:12]}.{suffix}"
    assert found.files[name] == content
    assert found.value == {"a": ["x", {"b": text.removesuffix(b64(content)) + f"<base64:{name}>"}]}
    assert attached(found.value, found.files) == {"a": ["x", {"b": text}]}


def test_the_alphabet_of_urls_is_kept() -> None:
    """Encrypted reasoning comes in it."""
    text = base64.urlsafe_b64encode(b"\x80" + NOISE).decode()
    found = detached({"encrypted_content": text}, "a")
    [name] = found.files
    assert found.value == {"encrypted_content": f"<base64url:{name}>"}
    assert attached(found.value, found.files) == {"encrypted_content": text}


def test_base64_within_a_text_goes_too() -> None:
    """A tool's output is text, whatever JSON it holds."""
    text = '{"shot": "' + b64(PNG) + '", "again": "' + b64(PNG) + '"}'
    found = detached(text, "a")
    [name] = found.files
    assert found.value == f'{{"shot": "<base64:{name}>", "again": "<base64:{name}>"}}'


@pytest.mark.parametrize(
    "text",
    [
        "short " + b64(PNG)[: LEAST - 8],
        b64(PNG)[:-1],  # cut off
        b64(PNG + b"1")[:-3] + "B==",  # bits that no byte holds
        b64(PNG).replace("A", "-", 1),  # half one alphabet, half the other
        "a" * 4_000,
        "0f" * 2_000,
        "ACGT" * 1_000,
        "word " * 1_000,
    ],
)
def test_what_is_no_base64_stays(text: str) -> None:
    """Nothing is taken out that would not come back, nor what is only a long word."""
    value = {"a": text}
    assert detached(value, "a").value is value


def test_a_stand_in_that_was_said_is_text() -> None:
    """Beside one that looks like ours nothing is taken out; without a file of that name nothing is put in."""
    name = next(iter(detached(b64(PNG), "a").files))
    value = [b64(PNG), f"what does <base64:{name}> mean?"]
    assert detached(value, "a").value is value
    assert attached(value, {}) == value
    assert named(value) == {name}


TEXTS = st.one_of(
    st.text(max_size=20),
    st.binary(min_size=1_490, max_size=1_520).map(b64),
    st.binary(min_size=1_490, max_size=1_520).map(lambda each: base64.urlsafe_b64encode(each).decode()),
)
VALUES = st.recursive(
    TEXTS | st.none() | st.integers(0, 9),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.sampled_from("abc"), child, max_size=3),
    max_leaves=5,
)


@given(VALUES, st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_goes_comes_back(value: Any, data: st.DataObject) -> None:
    """To the letter, also where several stand in one text."""
    value = [value, data.draw(TEXTS) + data.draw(st.sampled_from([",", "\n", ""])) + data.draw(TEXTS)]
    found = detached(value, "a")
    assert attached(found.value, found.files) == value


# In recordings


def test_a_recording_with_an_image_reads_well() -> None:
    """The rule names the file where the image stood, in what was asked and in what came back; no line is long."""
    capture = captured(
        {"output": [{"image_generation_call": {"result": b64(PNG)}}, {"message": "A cat."}]},
        input=asking(data_url(PNG)),
        stream=True,
    )
    made = written(capture)
    [name] = made.attachments
    assert made.beside == {"a.1.sse": made.exact, name: PNG}
    assert f"- {{type: input_image, image_url: 'data:image/png;base64,<base64:{name}>'}}" in made.text
    assert f"result: <base64:{name}>" in made.text
    assert f"    files:\n      {name}: '{exact_digest(PNG)}'\n" in made.text
    assert max(map(len, made.text.splitlines())) < 1_000
    [rule] = listed(new_file(made.text))
    assert beside(rule) == {"a.1.sse", name}


def test_it_is_the_recording_that_it_would_be_without() -> None:
    """Request, conditions, the digest of the reply: whoever puts the value back by hand has the same."""
    made = written(captured({"text": "A cat."}, input=asking(data_url(PNG))))
    [name] = made.attachments
    [kept] = read(new_file(made.text), made.beside).recordings
    inline = new_file(made.text.replace(f"<base64:{name}>", b64(PNG)))
    file = read(inline, made.beside)
    assert [problem.severity for problem in file.problems] == ["warning"]
    assert f"nothing in this rule stands for {name}" in str(file.problems[0])
    [whole] = file.recordings
    assert whole.sent == kept.sent
    assert b64(PNG).encode() in kept.sent.body
    assert (whole.reply, whole.edited, kept.edited) == (kept.reply, False, False)
    assert file.rules[0].alike == read(new_file(made.text), made.beside).rules[0].alike


def test_other_forms_of_a_body_too() -> None:
    """One that is no JSON, and one that is no text."""
    for body in (b'{"a": 1, "a": "' + b64(PNG).encode() + b'"}', b"\xff" + NOISE):
        made = written(http(b"{}", request_body=body))
        assert len(made.attachments) == 1
        assert len(made.text) < 1_500
        [recording] = read(new_file(made.text), made.beside).recordings
        assert recording.sent.body == body


def test_a_reply_with_another_image_is_edited() -> None:
    """The file's new digest makes it one, as another text would."""
    capture = captured({"output": [{"image_generation_call": {"result": b64(PNG)}}]})
    made = written(capture)
    [name] = made.attachments
    text = new_file(made.text)
    other = PNG + b"more"
    [problem] = read(text, {**made.beside, name: other}).problems
    assert problem.key == f'rules[0].files["{name}"]'
    assert problem.severity == "error"
    assert f"the file {name} is not what was recorded: its digest is {exact_digest(other)}" in problem.message
    assert "restore it" in problem.hint
    file = read(text.replace(exact_digest(PNG), exact_digest(other)), {**made.beside, name: other})
    assert file.usable
    assert [recording.edited for recording in file.recordings] == [True]


def test_a_file_that_is_missing_is_told() -> None:
    """With its rule, its name, and what to do."""
    made = written(captured({"text": "A cat."}, input=asking(data_url(PNG))))
    [name] = made.attachments
    [problem] = read(new_file(made.text), {"a.1.json": made.exact}).problems
    assert problem.key == f'rules[0].files["{name}"]'
    assert problem.message == f"file missing: there is no {name} beside this file"
    assert problem.hint == f"restore it, or put the value itself in place of `<base64:{name}>`"


def test_without_files_at_hand_it_is_told_too() -> None:
    """Nothing is taken for edited then."""
    made = written(captured({"output": [{"image_generation_call": {"result": b64(PNG)}}]}))
    file = parse(new_file(made.text), "r.mock.yaml")
    assert file.usable
    assert [recording.edited for recording in file.recordings] == [False]
    assert "these files are not looked at here" in str(file.problems[0])


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ("[a.png]", "expected files by name, got a list"),
        ("{../a.png: '0123'}", "expected a file in this folder, got `../a.png`"),
        ("{/etc/passwd: '0123'}", "expected a file in this folder, got `/etc/passwd`"),
        ("{a/../b.png: '0123'}", "expected a file in this folder"),
        ("{.env: '0123'}", "expected a file in this folder"),
        ("{a.png: '0123'}", "expected the digest of a.png, 32 hexadecimal digits"),
        ("{a.png: }", "expected the digest of a.png"),
    ],
)
def test_mistakes(files: str, told: str) -> None:
    """Each at its place, and the rule is not used."""
    rule = f"rules:\n  - request: {{body: {{input: hi}}}}\n    reply: ok\n    files: {files}\n"
    file = read(rule, {})
    assert [told in problem.message for problem in file.problems] == [True]
    assert not file.usable


def test_only_recordings_have_files() -> None:
    """A rule of one's own says what it says."""
    rule = f"rules:\n  - when: {{input: hi}}\n    reply: ok\n    files: {{a.png: '{'0' * 32}'}}\n"
    [problem] = read(rule, {}).problems
    assert problem.message == "`files` goes with `request`: only values of recordings stand in files"
