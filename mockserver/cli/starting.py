"""`init`: a first rule file to edit, and the settings around it.

This room decides what a new project gets. It never overwrites: what is there already is left alone, and told.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

RULES: Final = "rules/first.mock.yaml"

FIRST: Final = """\
# Try it:   mockserver serve rules/
# Ask it:   curl -N http://127.0.0.1:8080/v1/responses -H 'content-type: application/json' \\
#                -d '{"model": "mock-1", "input": "hello", "stream": true}'
# Check it: mockserver check rules/
rules:
  - name: a greeting
    when: {input: {contains: hello}}
    reply:
      text: Hello! What can I do for you?
      timing: {first: 200ms, every: 40ms}

  - name: the weather, as a tool loop
    when: {transcript: {contains: weather}, tools: {include: get_weather}}
    turns:
      - call: {get_weather: {city: Paris}}
      - text: "The tool says: {{ tool_outputs.get_weather }}"

  - name: one rate limit, then fine
    when: {input: {contains: busy}}
    replies:
      - {error: rate_limit_exceeded, retry_after: 50ms}
      - {text: Fine now.}

otherwise: {text: "You said: {{ user }}"}
"""

ATTRIBUTES: Final = """\
# Rule files and recordings keep their bytes whatever machine checks them out.
*.mock.yaml text eol=lf
*.sse -text
*.chunks -text
*.bin -text
*.pdf -text
*.[0-9]*.json -text
*.[0-9]*.txt -text
"""


def _editor(schema: str) -> str:
    return json.dumps({"yaml.schemas": {schema: ["*.mock.yaml"]}}, indent=2) + "\n"


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
def init(folder: Path) -> None:
    """Write a first rule file, `.gitattributes` and an editor setting into FOLDER (here, unless given)."""
    from mockserver.adapters import disk

    files = {RULES: FIRST, ".gitattributes": ATTRIBUTES, ".vscode/settings.json": _editor(disk.rule_schema_url())}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            if path.read_text(encoding="utf-8") != text:
                click.echo(f"kept   {path} (it was there already; add by hand:)")
                click.echo("".join(f"         {line}\n" for line in text.splitlines()), nl=False)
            else:
                click.echo(f"kept   {path}")
        else:
            click.echo(f"wrote  {path}")
    click.echo(f"Next: mockserver serve {(folder / RULES).parent}")
