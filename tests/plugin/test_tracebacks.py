"""What a mistake of a test's author looks like: the test's own line and the words, no line of this package."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Inner

MISTAKES = [
    ('mockserver.when(modle="gpt-5").reply("x")', "unknown condition `modle`; did you mean `model`?"),
    ('mockserver.when(input=mockserver.contains()).reply("x")', "contains"),
    (
        'mockserver.when(input=mockserver.contains("a", "b", case=1)).reply("x")',
        "unknown argument `case` of contains()",
    ),
    ("mockserver.when(input=mockserver.gt('x')).reply('x')", "test_it.py:6: input.gt: expected a number, got 'x'"),
    ("mockserver.when(input=str).reply('x')", "a type is no test"),
    ("mockserver.when(not_={'modle': 1}).reply('x')", "unknown condition `modle`; did you mean `model`?"),
    ("mockserver.when(body={'no path': 1}).reply('x')", "test_it.py:6"),
    ("mockserver.when().reply()", "a reply needs something to say"),
    ("mockserver.when().reply('x', tims=2)", "unknown argument `tims` of a reply; did you mean `times`?"),
    ("mockserver.when().reply('x', times=0)", "times"),
    ("mockserver.when().reply('x').then('y', speeed=1)", "unknown argument `speeed` of a reply; did you mean `speed`?"),
    ("mockserver.when().turns()", "`turns` needs at least one turn"),
    ("mockserver.when().reply(mockserver.error('rate_limit_exceded'))", "did you mean `rate_limit_exceeded`"),
    ("mockserver.when().reply(object())", "expected text, items, an answer or a function of the request"),
    ("mockserver.otherwise(1)", "expected text, items"),
    ("mockserver.load('nothing.mock.yaml')", "there is no such file or folder"),
    ("mockserver.assert_called(modle='x')", "unknown condition `modle`"),
    ("mockserver.assert_called(model='x')", "expected a request with model='x'; no request came"),
    ("mockserver.assert_called(times=1, in_order=[])", "`times` counts requests that are alike"),
    ("mockserver.last_request", "no request came to this session"),
    ("mockserver.requests[0]", "there is no request [0], no request came"),
    ("mockserver.wait_for(1, timeout=0.01)", "waited 0.01 s for a request"),
    ("mockserver.clients.assert_backed_off()", "no client came back after being told to wait"),
    ("mockserver.clock.advance(-1)", "a clock only goes forward"),
    ("mockserver.clock.freeze('yesterday')", "clock.freeze: expected a time such as"),
    ("mockserver.check(allow=['mis'])", "did you mean 'miss'?"),
]


@pytest.mark.parametrize(("line", "said"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_shows_the_test_s_own_line(inner: Inner, line: str, said: str) -> None:
    inner.write(
        test_it=f'def test(mockserver):\n    """It is wrong."""\n    before = 1\n    assert before\n    {line}\n'
    )
    result = inner.run()
    result.assert_outcomes(failed=1)
    told = result.stdout.str()
    assert f">   {line}" in told.replace(">       ", ">   ")
    assert said in told
    assert "test_it.py:6: " in told
    assert "mockserver/" not in told
    assert "__tracebackhide__" not in told


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("strickt=True", "mockserver: @pytest.mark.mockserver: there is no 'strickt'; did you mean 'strict'?"),
        ('"nothing.mock.yaml"', "mockserver: @pytest.mark.mockserver: rules: there is no 'nothing.mock.yaml'"),
        ('allow=["mis"]', "mockserver: @pytest.mark.mockserver: allow: expected miss"),
    ],
)
def test_a_wrong_marker_is_one_line(inner: Inner, marker: str, said: str) -> None:
    told = inner.check(f"@pytest.mark.mockserver({marker})\ndef test(mockserver): pass", errors=1)
    assert said in told
    assert "mockserver/" not in told


def test_a_mistake_outside_the_fixture_reads_alike(inner: Inner) -> None:
    """In a server that the test made for itself, by the block's end and inside it; and in a fixture of the author's."""
    told = inner.check(
        """
        from mockserver import MockServer

        def test_block(mockserver):
            with MockServer() as server:
                server.when(modle="x")

        def test_end():
            with MockServer() as server:
                server.when().reply("x")

        @pytest.fixture
        def rules(mockserver):
            mockserver.when(modle="x")

        def test_fixture(rules): pass
        """,
        failed=2,
        errors=1,
    )
    assert told.count("unknown condition `modle`") >= 2
    assert "answered nothing" in told
    assert "mockserver/" not in told


def test_the_whole_way_is_there_on_request(inner: Inner) -> None:
    """And whatever is no mistake of the author's keeps every frame."""
    text = 'def test(mockserver):\n    mockserver.when(modle="x")\n'
    assert "handle.py" in inner.check(text, "--full-trace", failed=1) or "roster.py" in inner.check(
        text, "--full-trace", failed=1
    )
    told = inner.check(
        """
        def test(mockserver, monkeypatch):
            monkeypatch.setattr("mockserver.testing.roster.Draft", None)
            mockserver.when(model="x")
        """,
        failed=1,
    )
    assert "roster.py" in told
