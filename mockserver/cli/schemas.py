"""`schemas build`: an API description to the small JSON Schemas of a dialect, and our own ones anew.

This room decides which files are read and written. It must not know what becomes of a description (`overlay` does).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from mockserver.cli import Lazy
from mockserver.core.errors import SchemaSourceError, SettingError

SOURCE: Final = "openapi.yaml"
OVERLAYS: Final = "dialects"

_ROWS: Final = {"build": ("mockserver.cli.schemas", "build", "Build them from an OpenAPI file, or ours anew.")}

schemas: Final = Lazy("schemas", "Build the JSON Schemas of a dialect.", _ROWS)


@click.command("build")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="The folder to write to.")
@click.option("--operation", metavar="ID", help="Which operation, by operationId or 'POST /path'.")
@click.option("--overlay", type=click.Path(path_type=Path), help="Changes to make to FILE first.")
def build(file: Path | None, into: Path | None, operation: str | None, overlay: Path | None) -> None:
    """Build JSON Schemas from the OpenAPI FILE, to be used as `--dialect DIR`. Without FILE, build ours from source."""
    if file is None:
        if into or operation or overlay:
            raise SettingError("--into, --operation and --overlay need a FILE to build from")
        from mockserver.adapters import disk

        folder = disk.data("schemas")
        _write(folder, ours(folder))
        return
    if into is None:
        raise SettingError("name the folder to write to, with --into DIR")
    from mockserver.core.schemas.overlay import build_dialect

    changes = None if overlay is None else read(overlay)
    files = build_dialect(read(file), changes, operation=operation, name=into.name)
    _write(into, _texts(files))
    click.echo(f"Use it: mockserver serve --dialect {into}")


def ours(folder: Path) -> dict[str, str]:
    """Return what our built files should hold, by path below `folder`, where the sources stand."""
    from mockserver.core.rulefiles import schema as rulefile_schema
    from mockserver.core.schemas.overlay import build_dialect

    source = read(folder / SOURCE)
    dialects = [build_dialect(source)]
    dialects += [build_dialect(source, read(overlay)) for overlay in sorted((folder / OVERLAYS).glob("*.yaml"))]
    files = {"rule-file.json": json.dumps(rulefile_schema.schema(), indent=1, ensure_ascii=False) + "\n"}
    for dialect in dialects:
        name = dialect["dialect.json"]["name"]
        files.update({f"{name}/{path}": text for path, text in _texts(dialect).items()})
    return files


def _texts(files: Mapping[str, Any]) -> dict[str, str]:
    from mockserver.core.schemas import overlay

    return {path: overlay.text(value) for path, value in files.items()}


def read(path: Path) -> dict[str, Any]:
    """Return a YAML or JSON document. Raises `SchemaSourceError` in words."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8-sig")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser may not have been built
        value = json.loads(text) if path.suffix == ".json" else yaml.load(text, loader)  # noqa: S506 - both are safe
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SchemaSourceError(f"cannot read {path}: {place}{error.problem}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SchemaSourceError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(value, dict):
        raise SchemaSourceError(f"{path} must hold a mapping, such as an OpenAPI document")
    return value


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write what changed, remove built files that are not built any more, and say how much that was."""
    from mockserver.adapters import disk

    changed = [path for path, text in files.items() if _content(folder / path) != text]
    for path in changed:
        disk.write_whole(folder / path, files[path])
    stale = [built for built in _built(folder, files) if built.relative_to(folder).as_posix() not in files]
    for built in stale:
        built.unlink()
    click.echo(f"{len(files)} files in {folder}: {len(changed)} written, {len(stale)} removed")


def _content(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def _built(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Return the event schemas beside those just built: what else stands in a folder is not ours to remove."""
    places = {Path(path).parent for path in files if Path(path).parent.name == "events"}
    return [path for place in places for path in sorted((folder / place).glob("*.json"))]
