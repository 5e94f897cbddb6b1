"""The journal: bounded, numbered, asked for by filters."""

from __future__ import annotations

from mockserver.core.journal import Journal
from mockserver.core.messages import Ending, Exchange, Request


def exchange(body: bytes = b"{}", miss: str = "", events: int = 0, **headers: str) -> Exchange:
    request = Request("POST", "/v1/responses", headers=headers, body=body)
    return Exchange(request, 0.0, 404 if miss else 200, "miss" if miss else "json", events=events, miss=miss)


def numbers(journal: Journal, **filters: bool | int) -> list[int]:
    return [entry.number for entry in journal.entries(**filters)]  # type: ignore[arg-type]  # keywords of one call


def test_it_keeps_the_newest_and_counts_what_it_dropped() -> None:
    """Numbers go on for ever; the bound is on what is kept."""
    journal = Journal(most=2)
    for _ in range(5):
        journal.close(journal.open(exchange()), Ending("complete", 1.0, 10))
    assert numbers(journal) == [4, 5]
    assert (journal.total, journal.dropped) == (5, 3)


def test_it_is_bounded_by_bytes_but_keeps_at_least_one() -> None:
    """Ten large bodies do not stay."""
    journal = Journal(most=100, most_bytes=100)
    for _ in range(10):
        journal.open(exchange(b"x" * 60))
    assert numbers(journal) == [10]
    journal.open(exchange(b"y" * 1000))
    assert numbers(journal) == [11]


def test_headers_and_offsets_of_events_weigh_too() -> None:
    """A stream of a million events keeps two million numbers."""
    for made in (exchange(header="x" * 1000), exchange(events=1000)):
        journal = Journal(most=100, most_bytes=1500)
        for _ in range(10):
            journal.open(made)
        assert numbers(journal) == [10]


def test_an_exchange_is_there_before_it_ends() -> None:
    """A stream in progress has no ending yet."""
    journal = Journal()
    number = journal.open(exchange())
    assert next(journal.entries()).ending is None
    journal.close(number, Ending("cut", 3.0, 7, (1.0,)))
    entry = next(journal.entries())
    assert entry.ending is not None
    assert entry.ending.end == "cut"


def test_filters() -> None:
    """Misses alone, or what came after a number."""
    journal = Journal()
    for miss in ("", "no rule", "", "no rule"):
        journal.open(exchange(miss=miss))
    assert numbers(journal, misses=True) == [2, 4]
    assert numbers(journal, after=2) == [3, 4]
    assert journal.misses == 2


def test_off_keeps_nothing_but_counts() -> None:
    """`--journal off` still numbers exchanges and counts misses."""
    journal = Journal(most=None)
    journal.close(journal.open(exchange(miss="x")), Ending("complete", 1.0, 10))
    assert numbers(journal) == []
    assert (journal.total, journal.misses) == (1, 1)


def test_clearing_forgets_but_numbers_go_on() -> None:
    """Old endings do not come back, and counting begins again."""
    journal = Journal(most=1)
    for _ in range(3):
        number = journal.open(exchange(miss="no rule"))
    journal.clear()
    journal.close(number, Ending("complete", 1.0, 10))
    assert numbers(journal) == []
    assert (journal.count, journal.dropped, journal.misses) == (0, 0, 0)
    assert journal.open(exchange()) == 4
    assert journal.count == 1


def test_a_copy_stands_still_while_the_journal_goes_on() -> None:
    """What comes later, and what is cleared, does not show in it."""
    journal = Journal(most=2)
    first = journal.open(exchange())
    still = journal.copy()
    journal.close(first, Ending("complete", 1.0, 10))
    for _ in range(3):
        journal.open(exchange())
    assert [(entry.number, entry.ending) for entry in still.entries()] == [(1, None)]
    assert (still.count, still.dropped) == (1, 0)
    journal.clear()
    assert numbers(still) == [1]
