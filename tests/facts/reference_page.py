"""Every field on the reference page of `POST /v1/responses`: where it is, its type in the page's words, whether required.

`a.b` is a field of an object, `a[]` the elements of a list, `a.*` the values of an object with free keys. The page shows
one flattened item and one flattened event where the API has unions: a field then belongs to those members that have it,
and is required in those. Types: `string`, `boolean`, `integer`, `number`, `object`, `array`, `any`, and `string or array`
where the page offers both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple


class Field(NamedTuple):
    """One field of the page."""

    path: str
    type: str
    required: bool = False


def _read(table: str) -> tuple[Field, ...]:
    """Read a table of lines `path type`; a star after the path marks a required field."""
    rows = (line.split(maxsplit=1) for line in table.strip().splitlines())
    return tuple(
        Field(path.rstrip("*") if path.endswith("[]*") else _bare(path), kind, _starred(path)) for path, kind in rows
    )


def _starred(path: str) -> bool:
    return path.endswith("*") and not path.endswith(".*")


def _bare(path: str) -> str:
    return path[:-1] if _starred(path) else path


def _under(prefix: str, fields: Iterable[Field]) -> Iterator[Field]:
    for field in fields:
        yield field._replace(path=f"{prefix}.{field.path}")


_JSON_SCHEMA: Final = _read("""
type                                string
description                         string
properties                          object
properties.*                        object
properties.*.type                   string
properties.*.description            string
properties.*.properties             object
properties.*.required               array
properties.*.required[]             string
properties.*.items                  object
properties.*.enum                   array
properties.*.additionalProperties   boolean
required                            array
required[]                          string
items                               object
enum                                array
additionalProperties                boolean
""")

_INPUT_ITEM: Final = _read("""
type                    string
id                      string
role*                   string
content*                string or array
content[]               object
content[].type*         string
content[].text          string
content[].image_url     string
content[].file_id       string
status                  string
call_id                 string
name                    string
arguments               string
output                  string
""")

_REASONING: Final = _read("""
effort              string
generate_summary    string
summary             string
""")

_TEXT: Final = (
    *_read("""
format                  object
format.type*            string
format.name             string
format.schema           object
format.description      string
format.strict           boolean
verbosity               string
"""),
    *_under("format.schema", _JSON_SCHEMA),
)

_TOOL: Final = (
    *_read("""
type*           string
name            string
description     string
parameters      object
strict          boolean
"""),
    *_under("parameters", _JSON_SCHEMA),
)

_OUTPUT_ITEM: Final = _read("""
type*                                   string
id                                      string
content                                 array
content[]                               object
content[].type*                         string
content[].text                          string
content[].annotations                   array
content[].annotations[]                 object
content[].annotations[].type*           string
content[].annotations[].file_id         string
content[].annotations[].filename        string
content[].annotations[].index           integer
content[].annotations[].url             string
content[].annotations[].title           string
content[].annotations[].start_index     integer
content[].annotations[].end_index       integer
content[].refusal                       string
role                                    string
status                                  string
arguments                               string
call_id                                 string
name                                    string
""")

REQUEST: Final = (
    *_read("""
model*                  string
background              boolean
include                 array
include[]               string
input                   string or array
input[]                 object
instructions            string
max_output_tokens       integer
max_tool_calls          integer
metadata                object
metadata.*              any
parallel_tool_calls     boolean
previous_response_id    string
reasoning               object
service_tier            string
store                   boolean
stream                  boolean
temperature             number
text                    object
tools                   array
tools[]                 object
top_logprobs            integer
top_p                   number
truncation              string
user                    string
"""),
    *_under("input[]", _INPUT_ITEM),
    *_under("reasoning", _REASONING),
    *_under("text", _TEXT),
    *_under("tools[]", _TOOL),
)
"""The request body."""

RESPONSE: Final = (
    *_read("""
id*                                             string
created_at*                                     number
error                                           object
error.code                                      string
error.message*                                  string
error.type                                      string
incomplete_details                              object
incomplete_details.reason                       string
instructions                                    string or array
instructions[]                                  object
metadata                                        object
metadata.*                                      any
model*                                          string
object*                                         string
output*                                         array
output[]                                        object
parallel_tool_calls*                            boolean
temperature                                     number
tool_choice*                                    any
tools*                                          array
tools[]                                         object
top_p                                           number
background                                      boolean
conversation*                                   object
conversation.id*                                string
max_output_tokens                               integer
max_tool_calls                                  integer
previous_response_id                            string
reasoning                                       object
service_tier                                    string
status                                          string
text                                            object
top_logprobs                                    integer
truncation                                      string
user                                            string
usage*                                          object
usage.input_tokens*                             integer
usage.input_tokens_details*                     object
usage.input_tokens_details.cached_tokens        integer
usage.output_tokens*                            integer
usage.output_tokens_details*                    object
usage.output_tokens_details.reasoning_tokens    integer
usage.total_tokens*                             integer
"""),
    *_under("instructions[]", _INPUT_ITEM),
    *_under("output[]", _OUTPUT_ITEM),
    *_under("reasoning", _REASONING),
    *_under("text", _TEXT),
    *_under("tools[]", _TOOL),
)
"""The response object: the JSON body of a 200."""

EVENT: Final = (
    *_read("""
type*               string
response            object
sequence_number     integer
delta               string
text                string
item                object
item_id             string
output_index        integer
content_index       integer
"""),
    *_under("response", RESPONSE),
    *_under("item", _OUTPUT_ITEM),
)
"""One event of the stream: the other body of a 200."""

ERROR: Final = _read("""
error           object
error.message   string
error.type      string
error.code      string
""")
"""The body of a 401 and of a 429."""
