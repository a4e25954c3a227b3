"""What a handler takes: how many arguments, of which class, and whether calling it runs it at all."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qsup.check.python.annotated import annotated
from qsup.check.python.kinds import (
    Bound,
    Code,
    Face,
    Group,
    Klass,
    Made,
    Member,
    Missing,
    Nothing,
    Partly,
    Plain,
    Root,
    Row,
    Space,
    Table,
    Text,
    Unknown,
    Value,
)  # fmt: skip
from qsup.check.python.outline import Scope

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a function as a caller meets them."""

    name: str
    scope: Scope
    arguments: ast.arguments
    given: int = 0
    """Leading parameters that are filled already: `self`, `cls`, those of a partial."""
    named: frozenset[str] = frozenset()
    """Parameters that a partial has filled by name."""
    generator: bool = False

    def _free(self) -> list[ast.arg]:
        return [*self.arguments.posonlyargs, *self.arguments.args][self.given :]

    def takes_two(self) -> bool:
        """Whether a call with two positional arguments fits."""
        free, defaults = self._free(), len(self.arguments.defaults)
        required = [one for one in free[: max(len(free) - defaults, 0)] if one.arg not in self.named]
        # A parameter that is filled by name cannot be filled by place: those from it on are out of reach.
        reachable = next((at for at, one in enumerate(free) if one.arg in self.named), len(free))
        missing = [
            one
            for one, default in zip(self.arguments.kwonlyargs, self.arguments.kw_defaults, strict=True)
            if default is None and one.arg not in self.named
        ]
        return len(required) <= 2 and (reachable >= 2 or self.arguments.vararg is not None) and not missing

    def _annotated(self, ev: Evaluator) -> list[Value]:
        """What the first parameter's annotation allows, besides None."""
        free = self._free()
        first = free[0] if free else self.arguments.vararg
        if first is None or first.annotation is None:
            return []
        ev.left = max(ev.left, 1000)
        return [one for one in annotated(ev, first.annotation, self.scope.outer or self.scope) if one != Nothing()]

    def missing(self, ev: Evaluator) -> Missing | None:
        """The name in that annotation that is certainly not there."""
        found = (one.why for one in self._annotated(ev) if isinstance(one, Unknown))
        return next((why for why in found if isinstance(why, Missing)), None)

    def accepted(self, ev: Evaluator) -> list[Klass] | None:
        """The classes that the first parameter's annotation allows; None when it allows any, or says nothing."""
        found = self._annotated(ev)
        classes = [one.of for one in found if isinstance(one, Made) and isinstance(one.of, Klass)]
        return classes if classes and len(classes) == len(found) else None


def of(ev: Evaluator, value: Value) -> Signature | None:
    """The signature of a handler; None when the source does not show it."""
    match value:
        case Code(node=node):
            return _of_code(value) if _as_written(node) else None
        case Partly(function=inner, call=call):
            found = of(ev, inner)
            return found and _filled(found, call)
        case _:
            return None


def _as_written(node: ast.AST) -> bool:
    """Whether no decorator may have made something else of the parameters."""
    decorators = getattr(node, "decorator_list", [])
    return all(isinstance(one, ast.Name) and one.id in ("classmethod", "staticmethod") for one in decorators)


def _of_code(code: Code) -> Signature:
    node = code.node
    name = "the lambda" if isinstance(node, ast.Lambda) else node.name
    decorators = [] if isinstance(node, ast.Lambda) else [ast.unparse(one) for one in node.decorator_list]
    by_class = code.receiver is not None and "classmethod" in decorators
    given = by_class or (code.of_instance and code.receiver is not None and "staticmethod" not in decorators)
    return Signature(name, code.scope, node.args, int(given), generator=_yields(code.scope, node))


def _yields(scope: Scope, node: ast.AST) -> bool:
    homes = scope.outline.homes
    return any(isinstance(one, ast.Yield | ast.YieldFrom) and homes.get(one) is scope for one in ast.walk(node))


def _filled(signature: Signature, call: ast.Call) -> Signature | None:
    """What a partial leaves; None when it is given `*` or `**`."""
    if any(isinstance(one, ast.Starred) for one in call.args) or any(word.arg is None for word in call.keywords):
        return None
    named = signature.named | {word.arg for word in call.keywords if word.arg is not None}
    given = signature.given + len(call.args) - 1
    return Signature(signature.name, signature.scope, signature.arguments, given, named, signature.generator)


def what_it_is(value: Value) -> str:
    """What stands in a handler's place and certainly cannot be called with a job; empty when it may."""
    match value:
        case Space(module=name):
            return f"the module {name}"
        case Text() | Plain() | Nothing() | Row() | Group() | Table() | Member():
            return "a value"
        case Made(of=Klass() as klass) if "__call__" not in klass.scope.names and not klass.node.bases:
            return f"a {klass.name}"
        case Face() | Bound() | Root():
            return "qsup's own"
        case _:
            return ""
