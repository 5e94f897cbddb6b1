"""`mockserver_config` in every scope, and several fixtures of one name over each other."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Inner


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
def test_the_options_of_a_fixture_in_any_scope(inner: Inner, scope: str) -> None:
    """From a conftest; a marker wins over it."""
    inner.write(
        conftest=f"""
        @pytest.fixture(scope="{scope}")
        def mockserver_config():
            return {{"seed": 7, "allow": ["unused"], "on_miss": "auto"}}
        """,
        test_it="""
        class TestIt:
            def test(self, mockserver):
                assert mockserver.session.options.seed == 7
                mockserver.when(input="never").reply("x")
                assert ask("anything")

            @pytest.mark.mockserver(seed=8)
            def test_marked(self, mockserver):
                assert mockserver.session.options.seed == 8
                assert ask("anything")
        """,
    )
    inner.run().assert_outcomes(passed=2)


def test_the_nearest_fixture_wins_and_may_build_on_the_one_above(inner: Inner) -> None:
    inner.write(
        conftest="""
        @pytest.fixture(scope="session")
        def mockserver_config():
            return {"seed": 7, "on_miss": "auto"}
        """,
        test_it="""
        @pytest.fixture(scope="module")
        def mockserver_config(mockserver_config):
            return {**mockserver_config, "seed": 9}

        def test(mockserver):
            assert mockserver.session.options.seed == 9
            assert ask("anything")

        @pytest.mark.parametrize("mockserver_config", [{"seed": 10}], ids=["ten"])
        def test_direct(mockserver, mockserver_config):
            assert mockserver.session.options.seed == 10
        """,
    )
    inner.run().assert_outcomes(passed=2)
