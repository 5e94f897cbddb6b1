"""Each verdict as a run of pytest shows it: one failure, said in full, without a traceback into our code."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from mockserver.testing.verdict import ALLOWABLE
from tests.plugin.conftest import Inner


def failure(output: str) -> str:
    """Return the failures section of an output."""
    found = re.search(r"=+ (?:FAILURES|ERRORS) =+\n(.*?)\n=+ ", output, re.DOTALL)
    assert found, output
    return found[1]


def test_a_test_that_goes_well_passes(inner: Inner) -> None:
    inner.check(
        """
        def test(mockserver):
            rule = mockserver.when(input="hi").reply("ho")
            assert ask() == "ho"
            assert rule.call_count == 1
        """,
        passed=1,
    )


def test_a_miss_fails_the_test_though_the_app_swallowed_it(inner: Inner) -> None:
    """In the call phase, once, with the lines to paste and no line of ours."""
    output = inner.check(
        """
        def test(mockserver):
            mockserver.when(input="hi").reply("ho")
            swallow("what time is it?")
        """,
        failed=1,
    )
    told = failure(output)
    assert "mockserver: no rule matches POST /v1/responses" in told
    assert 'FAIL  input: expected "hi", found "what time is it?"' in told
    assert "nearest rule: test_it.py:3" in told
    assert 'mockserver.when(model="gpt-5", input=mockserver.contains("what time is it?")).reply("ok")' in told
    assert 'to let it pass: @pytest.mark.mockserver(allow=["miss"])' in told
    assert "mockserver/" not in told.replace("http://", "")
    assert "Traceback" not in told
    assert "answered nothing" not in told
    assert "FAILED test_it.py::test - Failed: mockserver: no rule matches POST" in output


def test_the_line_to_paste_is_what_was_missing(inner: Inner) -> None:
    """Pasted, the test passes."""
    text = """
        def test(mockserver):
            PASTE
            swallow("what \\"time\\" is it?")
        """
    told = failure(inner.check(text.replace("PASTE", ""), failed=1))
    line = next(line.strip() for line in told.splitlines() if line.strip().startswith("mockserver.when("))
    inner.check(text.replace("PASTE", line), passed=1)


FORMAT = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}

CASES = {
    "unused": ("mockserver.when(input='x').reply('y')", "in the test: PLACE answered nothing"),
    "unfinished": ("mockserver.when(input='x')", "in the test: the when() at PLACE has no reply"),
    "exhausted": (
        "mockserver.when().reply('y', times=1); ask(); swallow()",
        "a request came once too often: PLACE has no reply left (its only reply is used)",
    ),
    "violation": (
        "swallow(extra_body={'colour': 'red'})",
        "in the app: it sent an invalid request: Unknown parameter: 'colour'. (allow_params=[\"colour\"] lets it through)",
    ),
    "untruth": (
        f"mockserver.when().reply('no json'); ask(text={FORMAT})",
        "in the test: the reply of PLACE is not what was asked for: output[0]: the text must be JSON",
    ),
    "unfilled": (
        "mockserver.when().reply('{{ metadata.city }}'); ask()",
        "in the test: the reply of PLACE cannot be filled in: template {{ metadata.city }} had no value",
    ),
    "raised": (
        "mockserver.when().reply(lambda request: 1 / 0); swallow()",
        "in the test: PLACE: lambda at PLACE raised ZeroDivisionError: division by zero",
    ),
}
"""For each finding: what a test does, and the reason that is told first."""

TEST = """
@pytest.mark.mockserver(allow={allow!r})
def test_{case}(mockserver):
    {line}
"""


def judged(inner: Inner, allow: Callable[[str], list[str]]) -> tuple[pytest.RunResult, str]:
    """Run a test for each case, allowed what `allow` says of it."""
    text = "".join(TEST.format(case=case, line=line, allow=allow(case)) for case, (line, _) in CASES.items())
    inner.write(test_it=text)
    return (result := inner.run("-rA")), result.stdout.str()


def test_each_trouble_fails_a_test_with_its_reason_first(inner: Inner) -> None:
    """What is allowed instead does not help."""
    result, output = judged(inner, lambda case: sorted(ALLOWABLE.keys() - {case}))
    result.assert_outcomes(failed=len(CASES))
    for number, (_, reason) in enumerate(CASES.values()):
        place = f"test_it.py:{5 + 4 * number - 1}"
        assert f"mockserver: {reason.replace('PLACE', place)}" in output


def test_each_trouble_passes_where_it_is_allowed(inner: Inner) -> None:
    """What only a test's author can mend may not."""
    result, output = judged(inner, lambda case: [case] if case in ALLOWABLE else [])
    result.assert_outcomes(passed=len(CASES.keys() & ALLOWABLE.keys()), failed=2)
    assert {line.split("::")[1].split(" ")[0] for line in output.splitlines() if line.startswith("FAILED")} == {
        "test_unfinished",
        "test_raised",
    }


def test_a_failing_test_keeps_its_own_failure_and_gets_a_section(inner: Inner) -> None:
    """The exchanges always, findings where there are some."""
    output = inner.check(
        """
        def test_clean(mockserver):
            mockserver.when().reply("ho")
            assert ask() == "hu"

        def test_missing(mockserver):
            swallow()
            raise KeyError("mine")
        """,
        failed=2,
    )
    told = failure(output)
    assert "AssertionError: assert 'ho' == 'hu'" in told
    assert "KeyError: 'mine'" in told
    assert len(re.findall(r"^-+ mockserver -+$", told, re.MULTILINE)) == 2
    assert "1  POST /v1/responses 200 json test_it.py:3 complete" in told
    assert "mockserver: no rule matches POST /v1/responses" in told
    assert "FAILED test_it.py::test_missing - KeyError: 'mine'" in output


def test_a_failing_fixture_gets_the_section_too(inner: Inner) -> None:
    """What an app asks while it is set up belongs to the test."""
    output = inner.check(
        """
        @pytest.fixture
        def app():
            return ask("ready?")

        def test(app, mockserver):
            pass
        """,
        errors=1,
    )
    assert "no rule matches POST /v1/responses" in failure(output)
    assert 'new in request 1:\n    model: "gpt-5"\n    input: "ready?"' in failure(output)


def test_what_happens_after_the_verdict_is_an_error_of_the_teardown(inner: Inner) -> None:
    """And of that alone: what was judged is not judged again."""
    output = inner.check(
        """
        @pytest.fixture
        def app(mockserver):
            yield
            swallow("bye")

        def test(app, mockserver):
            mockserver.when(input="hi").reply("ho")
            ask()
        """,
        passed=1,
        errors=1,
    )
    assert 'input: "bye"' in failure(output)
    assert "exchanges of this test:\n  2  POST /v1/responses 404 miss complete" in failure(output)


def test_skips_and_expected_failures_stay_what_they_are(inner: Inner) -> None:
    inner.check(
        """
        def test_skip(mockserver):
            swallow()
            pytest.skip("not today")

        @pytest.mark.xfail(strict=True)
        def test_xfail(mockserver):
            swallow()
        """,
        skipped=1,
        xfailed=1,
    )


def test_reading_a_violation_is_to_have_seen_it(inner: Inner) -> None:
    inner.check(
        """
        def test(mockserver):
            swallow(extra_body={"colour": "red"})
            assert mockserver.requests[0].violations
        """,
        passed=1,
    )


def test_a_request_to_an_ended_session_is_told_where_it_arrives(inner: Inner) -> None:
    """It names the test that it belongs to; that test has long passed."""
    output = inner.check(
        """
        left = []

        def test_first(mockserver):
            mockserver.when().reply("ho")
            left.append(another(**mockserver.client_kwargs))
            ask(to=left[0])

        def test_second(mockserver):
            swallow("late", to=left[0])
            assert len(mockserver.requests) == 0

        def test_without():
            swallow("later", to=left[0])

        @pytest.mark.mockserver(allow="late")
        def test_allowed(mockserver):
            swallow("latest", to=left[0])
        """,
        passed=2,
        failed=2,
    )
    told = failure(output)
    assert (
        re.findall(r"in the app: a request came for the session (test_it.py-test_first)-\w+, which", told)
        == ["test_it.py-test_first"] * 2
    )
    assert 'POST /v1/responses: "late"' in told
    assert 'POST /v1/responses: "later"' in told


def test_a_client_of_a_test_that_never_asked_for_the_server(inner: Inner) -> None:
    """The module's client points here; the test forgot the fixture."""
    output = inner.check(
        """
        def test_with(mockserver):
            mockserver.when().reply("ho")
            ask()

        def test_without():
            swallow()
        """,
        passed=1,
        failed=1,
    )
    assert "in the test: a request came to mockserver, and this test does not use it" in failure(output)


def test_a_failure_of_ours_is_told_as_ours(inner: Inner) -> None:
    """Neither the author nor the app is blamed, and the traceback is there to be reported."""
    output = inner.check(
        """
        def test(mockserver, monkeypatch):
            mockserver.when().reply("ho")
            monkeypatch.setattr("mockserver.core.engine.Engine._matched", lambda *_: 1 / 0)
            swallow()
        """,
        failed=1,
    )
    told = failure(output)
    assert "in mockserver itself: cannot answer POST /v1/responses" in told
    assert "ZeroDivisionError" in told
    assert "please report it" in told
