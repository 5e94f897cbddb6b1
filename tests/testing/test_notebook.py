"""In a notebook, where an event loop runs all the time and a server lives over several cells."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import mockserver

CELLS = [
    "from mockserver import MockServer\nserver = MockServer(allow=['unused']).start()\nserver",
    "server.when(input='hi').reply('ho')",
    "from openai import OpenAI, AsyncOpenAI\n"
    "with OpenAI(**server.client_kwargs) as client:\n"
    "    print(client.responses.create(model='gpt-5', input='hi').output_text)",
    "async with AsyncOpenAI(**server.client_kwargs) as client:\n"
    "    print((await client.responses.create(model='gpt-5', input='hi')).output_text)\n"
    "print(len(await server.wait_for_async(2, ended=True)))",
    "async with MockServer() as other:\n    other.otherwise('ok')\n    print(other.requests)",
    "print(server.report())\nserver.close()",
]


@pytest.mark.filterwarnings("default")  # of the notebook's own
def test_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    package = str(Path(mockserver.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH")))))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
    told = [
        "".join(output.get("text", output.get("data", {}).get("text/plain", "")) for output in cell["outputs"])
        for cell in book.cells
    ]
    assert told[0].startswith("<MockServer http://127.0.0.1:")
    assert "answered 0 times" in told[1]
    assert told[2:5] == ["ho\n", "ho\n2\n", "[]\n"]
    assert "2  POST /v1/responses 200 json" in told[5]
