"""Calls that nearly are `dispatch`: `job.dispach()`, `qsup.dispatchmany(jobs)`."""

from __future__ import annotations

import ast
import functools
from difflib import get_close_matches
from typing import TYPE_CHECKING

from qsup.check.problem import nearest
from qsup.check.python import attributes
from qsup.check.python.kinds import Foreign, Klass, Made, Missing, Root, Space, Value
from qsup.check.python.outline import Scope
from qsup.check.skimmer import PUBLIC

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator


@functools.cache
def is_like(name: str) -> bool:
    """Whether it is none of the names and very much like one."""
    return name not in PUBLIC and bool(get_close_matches(name, PUBLIC, n=1, cutoff=0.8))


def call(ev: Evaluator, node: ast.Call, scope: Scope) -> Missing | None:
    """Why the call fails, when all that it may be called on certainly has nothing of this name."""
    match node.func:
        case ast.Attribute(value=inner, attr=name):
            values = ev.values(inner, scope)
            certain = bool(values) and all(_lacks(ev, value, name) for value in values)
        case ast.Name(id=name):
            values = ev.values(node.func, scope)
            certain = bool(values) and all(isinstance(one, Foreign) and one.module == "qsup" for one in values)
        case _:
            return None
    return _told(name, values[0], node, scope) if certain else None


def _lacks(ev: Evaluator, value: Value, name: str) -> bool:
    match value:
        case Space(module="qsup") | Made(of=Root()):
            return True
        case Made(of=Klass() as klass):
            bases = attributes.lineage(ev, klass)
            known = Root() in bases and all(isinstance(base, Klass | Root) for base in bases)
            return known and "__getattr__" not in klass.scope.names and not attributes.member(ev, klass, name)
        case _:
            return False


def _told(name: str, value: Value, node: ast.Call, scope: Scope) -> Missing:
    owner = value.of.name if isinstance(value, Made) and isinstance(value.of, Klass) else "qsup"
    line, module = node.lineno, scope.module
    column = module.column(line, node.col_offset)
    hint = nearest(name, sorted(PUBLIC))
    return Missing(f"there is no {name} in {owner}", module=module.name, line=line, column=column, hint=hint)
