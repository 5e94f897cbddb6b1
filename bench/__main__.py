"""`make bench`: every speed goal that exists by now, measured in one run and printed as one table.

Rates are ratios against the bare ASGI callable in the same run: absolute figures say more about the machine than about us.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import forwarding, plugin
from bench.load import lateness, rate
from bench.servers import ask, bare, cpu, fetch, memory, mock

PATH = "/v1/responses"
ROUNDS = 3
WORDS = " ".join(f"word{n}" for n in range(41))
"""41 deltas: with the eight other events a stream of 49."""

RULES = f"""
rules:
  - when: {{model: timed}}
    reply: {{text: "{" ".join(f"w{n}" for n in range(100))}", timing: {{first: 1s, every: 20ms}}}}
  - when: {{model: stream}}
    reply: {{text: "{WORDS}"}}
  - when: {{model: json, input: {{contains: weather}}}}
    reply: {{text: "It is 18 degrees in Paris."}}
"""


@dataclass
class Row:
    """One line of the table."""

    what: str
    figure: str
    goal: str
    met: bool
    note: str = ""


def body(model: str, *, stream: bool = False, size: int = 200) -> bytes:
    """Return a request of about `size` bytes."""
    fields = {"model": model, "input": "What is the weather in Paris? ", "stream": stream}
    fields["input"] = str(fields["input"]).ljust(size - len(json.dumps(fields)) + len(str(fields["input"])), ".")
    return json.dumps(fields).encode()


def conversation(size: int = 27_000) -> bytes:
    """Return a request of about `size` bytes: turns with tool calls, and eight tools."""
    tools = [
        {
            "type": "function",
            "name": f"tool_{n}",
            "description": "Looks something up. " * 8,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            "strict": False,
        }
        for n in range(8)
    ]
    items: list[dict[str, object]] = []
    while len(json.dumps({"model": "json", "input": items, "tools": tools})) < size:
        n = len(items)
        items += [
            {"role": "user", "content": f"What is the weather in city {n}? " + "Please be exact. " * 6},
            {"type": "function_call", "call_id": f"call_{n}", "name": "tool_1", "arguments": '{"city": "Paris"}'},
            {"type": "function_call_output", "call_id": f"call_{n}", "output": "18 degrees, light wind. " * 8},
            {"role": "assistant", "content": "It is 18 degrees. " * 8},
        ]
    items.append({"role": "user", "content": "And the weather now?"})
    return json.dumps({"model": "json", "input": items, "tools": tools}).encode()


def compare(folder: Path, rules: Path, what: str, goal: float, asked: bytes, *options: str) -> Row:
    """Return our rate against the bare callable's for the same bytes, in alternating rounds."""
    ours: list[float] = []
    theirs: list[float] = []
    with contextlib.ExitStack() as stack:
        url, _, _ = stack.enter_context(mock(rules, *options))
        _, headers, text = ask(url, PATH, asked)
        yardstick, _, _ = stack.enter_context(bare(folder, headers, [text]))
        for _ in range(ROUNDS):
            for base, rates in ((yardstick, theirs), (url, ours)):
                got = asyncio.run(rate(base, PATH, asked))
                assert not got.errors, f"{got.errors} errors from {base}"
                rates.append(got.per_second)
    ratio = statistics.median(ours) / statistics.median(theirs)
    shown = f"{ratio:.2f} ({statistics.median(ours):,.0f}/s of {statistics.median(theirs):,.0f}/s)"
    return Row(what, shown, f">= {goal}", ratio >= goal)


def timed(folder: Path, rules: Path, streams: int, goal: str) -> Row:
    """Return how late the events of `streams` streams of 50 events/s are, as a client sees it; the bare loop in the note."""
    asked = body("timed", stream=True)
    with mock(rules) as (url, pid, _):
        _, headers, text = ask(url, PATH, asked)
        offsets = json.loads(fetch(url + "/_mock/requests"))["requests"][-1]["planned_ms"]
        before = cpu(pid)
        got = asyncio.run(lateness(url, PATH, asked, offsets, streams=streams))
        busy = (cpu(pid) - before) / got.took
    frames = [frame + "\n\n" for frame in text.split("\n\n") if frame]
    with bare(folder, headers, frames, gap=0.02) as (yardstick, pid, _):
        before = cpu(pid)
        paced = [20.0 * (n + 1) for n in range(len(frames))]
        theirs = asyncio.run(lateness(yardstick, PATH, asked, paced, streams=streams))
        bare_busy = (cpu(pid) - before) / theirs.took
    late = got.at(0.99)
    shown = f"p50 {got.at(0.5):.1f} ms, p99 {late:.1f} ms, drift {_drift(got.late):+.1f} ms"
    note = (
        f"{50 * streams:,} events/s asked; server at {busy:.0%} of a core; a bare loop of absolute sleeps: "
        f"p50 {theirs.at(0.5):.1f} ms, p99 {theirs.at(0.99):.1f} ms at {bare_busy:.0%}"
    )
    return Row(f"{streams} streams x 50 events/s", shown, goal, late < 5, note)


def _drift(late: list[float]) -> float:
    """Return how much later the last tenth of what arrived was than the second tenth, by median."""
    tenth = max(1, len(late) // 10)
    return statistics.median(late[-tenth:]) - statistics.median(late[tenth : 2 * tenth])


def many_rules(folder: Path) -> Row:
    """Return the rate with 1,000 rules against the rate with 10, told apart by the model's name."""
    asked = body("model-7")
    rates: dict[int, list[float]] = {10: [], 1000: []}
    files = {}
    for count in rates:
        files[count] = folder / f"rules-{count}.mock.yaml"
        rules = [{"when": {"model": f"model-{n}"}, "reply": {"text": "ok"}} for n in range(count)]
        files[count].write_text(json.dumps({"rules": rules}), encoding="utf-8")
    with mock(files[10]) as (few, _, _), mock(files[1000]) as (many, _, _):
        for _ in range(ROUNDS):
            rates[10].append(asyncio.run(rate(few, PATH, asked, seconds=2)).per_second)
            rates[1000].append(asyncio.run(rate(many, PATH, asked, seconds=2)).per_second)
    ratio = statistics.median(rates[1000]) / statistics.median(rates[10])
    return Row("1,000 rules against 10", f"{ratio:.2f} of the rate", ">= 0.95", ratio >= 0.95)


def large(rules: Path) -> Row:
    """Return the CPU that a 27 kB conversation costs the whole server."""
    asked = conversation()
    with mock(rules) as (url, pid, _):
        asyncio.run(rate(url, PATH, asked, seconds=1))
        before, seconds = cpu(pid), 4.0
        got = asyncio.run(rate(url, PATH, asked, seconds=seconds))
        # The load runs half a second longer than it is counted.
        cost = (cpu(pid) - before) / (got.per_second * (seconds + 0.5)) * 1000
    return Row(f"a {len(asked) / 1000:.0f} kB conversation", f"{cost:.2f} ms of CPU", "< 0.8 ms", cost < 0.8)


def cold(rules: Path) -> Row:
    """Return the time from starting the command to its first answer."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        with mock(rules) as (url, _, _):
            ask(url, PATH, body("json"))
            times.append(time.perf_counter() - started)
    took = statistics.median(times)
    return Row("cold `mockserver serve` to first answer", f"{took:.2f} s", "< 0.5 s", took < 0.5)


def importing() -> Row:
    """Return what `import mockserver` adds to the start of Python."""
    script = "import time; t = time.perf_counter(); import mockserver; print(time.perf_counter() - t)"
    times = [float(subprocess.check_output([sys.executable, "-c", script])) * 1000 for _ in range(5)]
    took = statistics.median(times)
    return Row("`import mockserver`", f"{took:.1f} ms", "< 50 ms", took < 50)


def unused() -> Row:
    """Return what the pytest plugin adds to a run that never asks for the server."""
    took = plugin.startup()
    return Row("pytest plugin until used", f"{took:.1f} ms", "< 10 ms", took < 10)


def further() -> Row:
    """Return what each further test with the fixture costs; other fixtures, where they are installed, in the note."""
    took = plugin.further_test()
    note = ", ".join(f"{name}: {cost:.2f} ms" for name, cost in plugin.rivals().items())
    return Row("a further test's fixture", f"{took:.2f} ms", "< 2 ms", took < 2, note)


def flat(rules: Path) -> Row:
    """Return how the memory grows over many requests once caches are full."""
    asked = body("json")
    with mock(rules) as (url, pid, _):
        asyncio.run(rate(url, PATH, asked, seconds=5))
        before = memory(pid)
        got = asyncio.run(rate(url, PATH, asked, seconds=20))
        grown = memory(pid) - before
    count = got.per_second * 20
    return Row(f"memory over {count:,.0f} further requests", f"{before:.0f} MiB {grown:+.1f} MiB", "flat", grown < 8)


def forwarded(folder: Path, streams: int) -> Row:
    """Return what forwarding adds to each event of so many streams of 50 events/s."""
    took = forwarding.per_event(folder, streams)
    shown = f"p50 {took.at(0.5):.2f} ms, p99 {took.at(0.99):.2f} ms"
    goal = "p50 < 1 ms"
    return Row(f"forwarding adds, per event, {streams} stream{'s' * (streams > 1)}", shown, goal, took.at(0.5) < 1)


def forwarded_whole(rules: Path) -> Row:
    """Return what forwarding adds to a JSON answer, its request included."""
    took = forwarding.per_answer(rules, body("json"))
    shown = f"p50 {took.at(0.5):.2f} ms, p99 {took.at(0.99):.2f} ms"
    return Row("forwarding adds, per JSON answer", shown, "p50 < 2 ms", took.at(0.5) < 2)


def main() -> None:
    """Measure and print; exit 0 whatever the figures, since a busy machine is no defect."""
    rows: list[Row] = []

    def measure(make: Callable[[], Row]) -> None:
        rows.append(make())
        row = rows[-1]
        print(f"{row.what}: {row.figure} (goal {row.goal}) {row.note}", flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules = folder / "bench.mock.yaml"
        rules.write_text(RULES, encoding="utf-8")
        measure(lambda: compare(folder, rules, "canned JSON, 200-byte request", 0.75, body("json")))
        measure(lambda: compare(folder, rules, "instant stream of 49 events", 0.70, body("stream", stream=True)))
        measure(lambda: timed(folder, rules, 400, "p99 < 5 ms"))
        measure(lambda: timed(folder, rules, 800, "40,000 events/s, p99 < 5 ms"))
        measure(lambda: forwarded(folder, 1))
        measure(lambda: forwarded(folder, 40))
        measure(lambda: forwarded_whole(rules))
        measure(lambda: many_rules(folder))
        measure(lambda: large(rules))
        measure(lambda: cold(rules))
        measure(importing)
        measure(unused)
        measure(further)
        measure(lambda: flat(rules))
    print("\n| what | measured | goal | met | note |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.figure} | {row.goal} | {'yes' if row.met else 'no'} | {row.note} |")


if __name__ == "__main__":
    main()
