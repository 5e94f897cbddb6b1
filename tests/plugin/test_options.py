"""Rule files and options from ini, fixture and markers, as a run of pytest reads them; and bad ones, in one line each."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Inner, ini


def rule_file(inner: Inner, path: str, answer: str, said: str = "") -> None:
    """Write a rule file with one rule that answers so, to this or to anything."""
    where = inner.path / path
    where.parent.mkdir(parents=True, exist_ok=True)
    when = f"when: {{input: {said}}}, " if said else ""
    where.write_text(f"rules:\n  - {{{when}reply: {{text: {answer}}}}}\n")


def test_markers_merge_from_the_outermost_in(inner: Inner) -> None:
    """Module, class, function: options further in win, rule files add up, paths start beside the test, then at the root."""
    rule_file(inner, "root.mock.yaml", "from the root", "root")
    rule_file(inner, "both.mock.yaml", "wrong", "both")
    rule_file(inner, "tests/both.mock.yaml", "from beside", "both")
    (inner.path / "tests" / "test_it.py").write_text(
        """
import pytest
from app import ask, swallow
pytestmark = pytest.mark.mockserver("root.mock.yaml", seed=1, validate="off", allow=["miss"])

@pytest.mark.mockserver("both.mock.yaml", seed=2)
class TestIt:
    @pytest.mark.mockserver(seed=3, allow=["unused"], lenient=True)
    def test(self, mockserver):
        options = mockserver.session.options
        assert (options.seed, options.validate, options.lenient) == (3, "off", True)
        assert ask("root") == "from the root"
        assert ask("both") == "from beside"
        mockserver.when(input="x").reply("y")
        swallow("unknown")

    def test_other(self, mockserver):
        assert mockserver.session.options.seed == 2
"""
    )
    inner.run("tests").assert_outcomes(passed=2)


def test_the_ini_holds_for_every_test_and_the_fixture_for_those_that_see_it(inner: Inner) -> None:
    """Further in wins here, too; the fixture may have any scope."""
    rule_file(inner, "rules/a.mock.yaml", "from the ini")
    rule_file(inner, "b.mock.yaml", "from the fixture")
    ini(
        inner,
        "mockserver_rules = rules",
        "mockserver_allow = unused miss",
        "mockserver_validate = warn",
        "mockserver_speed = 2",
        "mockserver_allow_params = colour",
        "mockserver_dialect = reference",
    )
    inner.check(
        """
        def test_ini(mockserver):
            options = mockserver.session.options
            assert (options.validate, options.speed, options.allow_params) == ("warn", 2, {"colour"})
            assert mockserver.host.engine.dialect.name == "reference"
            assert ask() == "from the ini"
            mockserver.when(input="x").reply("y")

        class TestFixture:
            @pytest.fixture(scope="class")
            def mockserver_config(self):
                return {"validate": "off", "rules": "b.mock.yaml", "now": "2030-01-01"}

            @pytest.mark.mockserver(speed=0)
            def test(self, mockserver):
                options = mockserver.session.options
                assert (options.validate, options.allow_params) == ("off", {"colour"})
                assert ask() == "from the fixture"
                assert client.responses.create(model="m", input="x").created_at == 1893456000
        """,
        passed=2,
    )


def test_rules_from_files_have_to_be_used_under_strict_alone(inner: Inner) -> None:
    """Those of the ini are every test's, and no test need use them."""
    rule_file(inner, "a.mock.yaml", "a", "a")
    rule_file(inner, "b.mock.yaml", "b", "b")
    ini(inner, "mockserver_rules = b.mock.yaml")
    text = """
        @pytest.mark.mockserver("a.mock.yaml", strict=STRICT)
        def test(mockserver):
            pass
        """
    inner.check(text.replace("STRICT", "False"), passed=1)
    assert "in the test: a.mock.yaml:2 answered nothing" in inner.check(text.replace("STRICT", "True"), failed=1)
    ini(inner, "mockserver_strict = true")
    inner.check(text.replace(", strict=STRICT", ""), failed=1)


def test_a_marked_test_has_the_server_without_asking_for_it(inner: Inner) -> None:
    rule_file(inner, "a.mock.yaml", "ho")
    inner.check(
        """
        @pytest.mark.mockserver("a.mock.yaml")
        def test():
            assert ask() == "ho"

        @pytest.mark.mockserver
        def test_missing():
            swallow()
        """,
        passed=1,
        failed=1,
    )


BAD = {
    "mockserver(strickt=True)": "there is no 'strickt'; did you mean 'strict'?",
    "mockserver('missing.mock.yaml')": "rules: there is no 'missing.mock.yaml' in ",
    "mockserver('a.mock.yml')": "rules: there is no 'a.mock.yml' in * did you mean 'a.mock.yaml'?",
    "mockserver(speed='fast')": "speed: expected a factor: *got 'fast'",
    "mockserver(now='yesterday')": "now: expected a time such as *got 'yesterday'",
    "mockserver(allow=['mis'])": "allow: expected miss, *got 'mis'; did you mean 'miss'?",
    "mockserver('a.mock.yaml', rules=['a.mock.yaml'])": "rules are given twice, by position and by name",
    "mockserver(on_miss='auto', allow=['miss'])": "on_miss='auto' answers every miss; allow=['miss'] beside it means *",
    "mockserver(7)": "rules: expected the path of a rule file, got 7",
}


def test_a_bad_marker_is_one_line_at_the_test_s_setup(inner: Inner) -> None:
    """No traceback, and the other tests go on."""
    rule_file(inner, "a.mock.yaml", "ho")
    tests = [f"@pytest.mark.{marker}\ndef test_{number}(): pass\n" for number, marker in enumerate(BAD)]
    inner.write(test_it="\n".join((*tests, "def test_good(mockserver): pass")))
    result = inner.run()
    result.assert_outcomes(errors=len(BAD), passed=1)
    for number, reason in enumerate(BAD.values()):
        escaped = reason.replace("[", "[[]").replace("?", "[?]")
        result.stdout.fnmatch_lines(
            [f"*ERROR at setup of test_{number} *", f"mockserver: @pytest.mark.mockserver: {escaped}*"],
            consecutive=True,
        )
    assert "Traceback" not in result.stdout.str()
    assert "mockserver/" not in result.stdout.str()


def test_a_bad_fixture_is_one_line_too(inner: Inner) -> None:
    output = inner.check(
        """
        class TestA:
            @pytest.fixture
            def mockserver_config(self):
                return {"speeed": 1}

            def test(self, mockserver):
                pass

        class TestB:
            @pytest.fixture
            def mockserver_config(self):
                return ["strict"]

            def test(self, mockserver):
                pass
        """,
        errors=2,
    )
    assert "mockserver: mockserver_config: there is no 'speeed'; did you mean 'speed'?" in output
    assert "mockserver: mockserver_config: expected a dict such as {'strict': True}, got ['strict']" in output


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("mockserver_speed = fast", "mockserver_speed: expected a factor*"),
        ("mockserver_allow = mis", "mockserver_allow: expected miss*did you mean 'miss'[?]"),
        ("mockserver_rules = gone", "mockserver_rules: there is no 'gone' in *"),
        ("mockserver_strict = perhaps", "mockserver_strict: *perhaps*"),
    ],
)
def test_a_bad_ini_value_ends_the_run_in_one_line(inner: Inner, line: str, reason: str) -> None:
    ini(inner, line)
    inner.write(test_it="def test(): pass")
    result = inner.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {reason}"])
    assert "Traceback" not in result.stderr.str()


def test_bad_rules_of_the_ini_fail_the_tests_that_use_the_server(inner: Inner) -> None:
    """Each with the mistake itself, at its place; the other tests go on."""
    (inner.path / "bad.mock.yaml").write_text("rules:\n  - {wenn: {}, reply: {text: a}}\n")
    ini(inner, "mockserver_rules = bad.mock.yaml")
    output = inner.check(
        """
        def test_good(): pass
        def test_first(mockserver): pass
        def test_second(mockserver): pass
        """,
        passed=1,
        errors=2,
    )
    assert (
        output.count(
            "mockserver: bad.mock.yaml:2:6: rules[0].wenn: unknown key `wenn` in a rule (did you mean `when`?)"
        )
        == 2
    )


def test_a_bad_rule_file_of_a_marker_tells_every_mistake(inner: Inner) -> None:
    (inner.path / "bad.mock.yaml").write_text("rules:\n  - {wenn: {}, reply: {text: a}}\n  - {reply: {txt: b}}\n")
    output = inner.check("@pytest.mark.mockserver('bad.mock.yaml')\ndef test(): pass", errors=1)
    assert "bad.mock.yaml:2:6" in output
    assert "bad.mock.yaml:3:" in output


def test_the_marker_is_declared(inner: Inner) -> None:
    """So that `--strict-markers` knows it, and `--markers` and `--help` tell."""
    inner.write(test_it="@pytest.mark.mockserver(allow='miss')\ndef test(): pass")
    inner.run("--strict-markers", "--strict-config").assert_outcomes(passed=1)
    assert "@pytest.mark.mockserver(*rules, strict, allow" in inner.run("--markers").stdout.str()
    assert "mockserver_env" in inner.run("--help").stdout.str()
