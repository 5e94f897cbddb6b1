"""The player: performs a timeline on a line to the client, against a clock.

This room decides when bytes are handed over and how an exchange is said to have ended. It must not know what the bytes
mean, rules, or how a connection is cut (`wire` does). Deadlines are absolute, from the arrival of the request: the
lateness of one step never shifts the next.
"""

from __future__ import annotations

import asyncio
from typing import assert_never

from mockserver.adapters.clock import Clock
from mockserver.adapters.line import Line
from mockserver.core.messages import End, Ending
from mockserver.core.timeline import Chunk, Cut, Finish, Head, Raw, Reset, Stall, Timeline


async def perform(timeline: Timeline, line: Line, clock: Clock, arrived: float) -> Ending:
    """Send every step when it is due and say how it ended.

    `arrived` is the moment (of `clock.monotonic`) from which offsets count. Chunks of whole frames that are due together
    leave in one write; pieces of a frame (`events` 0) are never merged with a neighbour. Offsets in the ending are
    milliseconds, one for each event that was handed over. Raises nothing of its own.
    """
    steps = timeline.steps
    last = len(steps) - 1
    sent_at: list[float] = []
    sent = 0
    end: End = "complete"
    late = 0.0  # offset up to which everything is due, in milliseconds; what is planned for 0 is due from the start
    index = 0
    while index <= last:
        step = steps[index]
        if step.at > late:
            late = (clock.monotonic() - arrived) * 1000
            if step.at > late:
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                clock.wake(waiter, arrived + step.at / 1000)
                await line.wait(waiter)
                # The clock's rounding must not make a step look early to itself.
                late = max((clock.monotonic() - arrived) * 1000, step.at)
        if line.gone:
            end = _left(line)
            break
        match step:
            case Chunk():
                frames, events = [step.data], step.events
                while step.events and index < last:
                    step = steps[index + 1]
                    if type(step) is not Chunk or not step.events or step.at > late:
                        break
                    frames.append(step.data)
                    events += step.events
                    index += 1
                data = b"".join(frames)
                whole = index < last and type(steps[index + 1]) is Finish and steps[index + 1].at <= late
                await line.body(data, not whole)
                index += whole
                sent += len(data)
                moment = (clock.monotonic() - arrived) * 1000
                sent_at.extend([moment] * events)
            case Head():
                await line.begin(step.status, step.headers, step.shared)
                if index < last and steps[index + 1].at > late:
                    await line.flush()
            case Finish():
                await line.body(b"", False)
            case Raw():
                await line.raw(step.data)
                sent += len(step.data)
            case Cut():
                await line.cut()
                end = "cut"
                break
            case Reset():
                await line.reset()
                end = "reset"
                break
            case Stall():
                await line.wait(asyncio.get_running_loop().create_future())
                end = "stalled"
                break
            case _:
                assert_never(step)
        index += 1
    if end == "complete" and line.gone:
        end = _left(line)
    return Ending(end, (clock.monotonic() - arrived) * 1000, sent, tuple(sent_at), arrived, line.link)


def _left(line: Line) -> End:
    return "failed" if line.gone == "server" else "client_left"
