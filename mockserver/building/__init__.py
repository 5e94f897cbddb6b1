"""Building rules in Python: keywords and words to the rules that the engine plays.

`conditions(...)` reads the keywords of `when`, `answer(...)` the arguments of `reply`; a `Draft` holds both until
`Draft.compile` makes a rule of it, by the same readers as a rule file. `dump` writes drafts as a rule file. This package
must not know servers, sessions or tests.

Text means the same in Python as in a rule file: `{{ input }}` and the other look-ups are live in it, `{{{{` is a literal
`{{`. What a function of the request returns is literal, since it may repeat what a user said.
"""

from mockserver.building.answers import Answering, Made, Modifiers, Part, answer
from mockserver.building.conditions import Conditions, Wanted, conditions
from mockserver.building.drafts import Draft, compile_conditions
from mockserver.building.dumping import dump
from mockserver.building.places import caller
from mockserver.core.errors import RuleError

__all__ = [
    "Answering",
    "Conditions",
    "Draft",
    "Made",
    "Modifiers",
    "Part",
    "RuleError",
    "Wanted",
    "answer",
    "caller",
    "compile_conditions",
    "conditions",
    "dump",
]
