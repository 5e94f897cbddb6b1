"""The machine's clock: never early, one timer for many, and nothing left behind."""

from __future__ import annotations

import asyncio

from mockserver.adapters.clock import SystemClock


async def sleep_until(clock: SystemClock, when: float) -> None:
    """Wait as the player does: one waiter, woken by the clock."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    clock.wake(waiter, when)
    await waiter


async def test_nobody_is_woken_early_and_all_in_order() -> None:
    clock = SystemClock()
    start = clock.monotonic()
    woken: list[tuple[float, float]] = []

    async def wait(offset: float) -> None:
        await sleep_until(clock, start + offset)
        woken.append((offset, clock.monotonic() - start))

    offsets = [0.03, 0.01, 0.0101, 0.02, 0.0, -1.0, 0.025]
    await asyncio.gather(*map(wait, offsets))
    assert all(at >= offset for offset, at in woken)
    assert [offset for offset, _ in woken][-1] == 0.03


async def test_many_waiters_of_one_millisecond_share_a_timer() -> None:
    clock = SystemClock()
    loop = asyncio.get_running_loop()
    when = clock.monotonic() + 0.02
    waiters = [loop.create_future() for _ in range(100)]
    for waiter in waiters:
        clock.wake(waiter, when)
    assert len(clock._due) == 1
    await asyncio.gather(*waiters)
    assert clock._due == {}
    assert clock._ticks == []


async def test_a_waiter_that_gave_up_is_passed_over() -> None:
    clock = SystemClock()
    loop = asyncio.get_running_loop()
    gone, kept = loop.create_future(), loop.create_future()
    when = clock.monotonic() + 0.01
    clock.wake(gone, when)
    clock.wake(kept, when)
    gone.cancel()
    await kept


def test_a_clock_outlives_its_loop() -> None:
    """A server may be stopped while streams wait, and another started with the same clock."""
    clock = SystemClock()

    async def leave() -> None:
        clock.wake(asyncio.get_running_loop().create_future(), clock.monotonic() + 60)

    async def wait() -> None:
        await asyncio.wait_for(sleep_until(clock, clock.monotonic() + 0.01), 2)

    asyncio.run(leave())
    asyncio.run(wait())


def test_a_frozen_clock_shows_one_time_of_day_and_still_waits() -> None:
    clock = SystemClock(frozen=1_700_000_000.5)
    assert clock.now() == 1_700_000_000.5
    before = clock.monotonic()
    asyncio.run(sleep_until(clock, before + 0.01))
    assert clock.monotonic() >= before + 0.01
    assert clock.now() == 1_700_000_000.5
