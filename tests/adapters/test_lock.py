"""A folder's lock keeps other holders out, threads and processes alike."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

from mockserver.adapters.lock import locked

HOLD = """
    import sys
    from pathlib import Path
    from mockserver.adapters.lock import locked

    with locked(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
"""


def test_threads_take_turns(tmp_path: Path) -> None:
    """What is read, changed and written back under the lock loses nothing."""
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count() -> None:
        for _ in range(25):
            with locked(tmp_path):
                counter.write_text(str(int(counter.read_text()) + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == "100"


def test_a_dead_holder_lets_go(tmp_path: Path) -> None:
    """Another process keeps us out while it lives; the lock goes with it, however it ends."""
    program = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        got = threading.Event()

        def take() -> None:
            with locked(tmp_path):
                got.set()

        waiting = threading.Thread(target=take)
        waiting.start()
        assert not got.wait(0.2)
        holder.kill()
        assert got.wait(10)
        waiting.join()
    assert list(tmp_path.iterdir()) == []
