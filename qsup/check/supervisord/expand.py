"""`%(name)s` in supervisord's values: Python's own `%`, kept from what it should not do. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qsup.check.problem import nearest

ENVIRONMENT = "(the-whole-environment)"
"""One word where a lone `%s` was: supervisord puts every variable there, passwords included; we never do."""

WIDE = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(?:\*|[1-9][0-9]{3,}|[0-9]*\.(?:\*|0*[1-9][0-9]{3,}))")
"""A width that would make a short line a huge text."""


class Names(dict[str, object]):
    """The names for one value; it notes which variables are not known here and whether a lone `%s` was met."""

    def __init__(self, known: Mapping[str, object]) -> None:
        super().__init__(known)
        self.unset: list[str] = []
        self.all_of_it = False

    def __missing__(self, name: str) -> object:
        if not name.startswith("ENV_"):
            raise KeyError(name)
        self.unset.append(name.removeprefix("ENV_"))
        return f"%({name})s"

    def __str__(self) -> str:
        self.all_of_it = True
        return ENVIRONMENT

    __repr__ = __str__


def expand(text: str, names: Names) -> str:
    """`text` with its names filled in. Raises ValueError, saying what supervisord would refuse.

    A variable that is not set here stays as it is written and is noted in `names.unset`.
    """
    if WIDE.search(text):
        raise ValueError("has a width of four digits or more after a %, expected none (write a percent sign as %%)")
    try:
        return text % names
    except KeyError as error:
        name = str(error.args[0])
        hint = nearest(name, names) or "known are here, program_name, process_num, numprocs, group_name, ENV_…"
        raise ValueError(f"names %({name})s, which supervisord does not know, {hint}") from None
    except (ValueError, TypeError, OverflowError):
        raise ValueError("has a % that begins no name, expected %(name)s, or %% for a percent sign") from None
