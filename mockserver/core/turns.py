"""Which turn of a scripted tool loop is due, told by the conversation alone.

This room decides how far a conversation has come through a rule's `turns`. It must not count requests: a retried or
repeated request gets the same turn again, and concurrent conversations never disturb each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mockserver.core.conversation import Conversation, Item, is_call, is_model_made, is_output
from mockserver.core.reply import Reply


def due(turns: Sequence[Reply], conversation: Conversation) -> int:
    """Return the index of the turn to answer with.

    A turn with calls is over once each of its calls (by name) stands in one run of model-made items and has an output
    after it. A turn without calls is over once an assistant message is followed by a user message. After the last turn the
    script starts over, so that the same question asked again in one conversation is answered again.
    """
    answered = {item.get("call_id") for item in conversation.items() if is_output(item)}
    index = 0
    for run, followed in _runs(conversation):
        if _is_over(turns[index], run, followed, answered):
            index = (index + 1) % len(turns)
    return index


def _is_over(turn: Reply, run: Sequence[Item], followed: bool, answered: set[object]) -> bool:
    if not turn.calls:
        return followed and any(item.get("role") == "assistant" for item in run)
    made = Counter(item.get("name", item["type"]) for item in run if is_call(item) and item["call_id"] in answered)
    return all(made[name] >= count for name, count in Counter(turn.calls).items())


def _runs(conversation: Conversation) -> list[tuple[list[Item], bool]]:
    """Return the runs of model-made items, each with whether a user message comes after it and before the next run."""
    runs: list[tuple[list[Item], bool]] = []
    run: list[Item] = []
    inside = False
    for item in conversation.items():
        if is_model_made(item):
            if not inside:
                run = []
                runs.append((run, False))
            run.append(item)
            inside = True
        else:
            inside = False
            if runs and item.get("role") == "user":
                runs[-1] = (run, True)
    return runs
