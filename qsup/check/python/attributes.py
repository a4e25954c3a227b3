"""What `value.name` may stand for: members of modules and classes, what methods assign to `self`, enum members."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from qsup.check.python import growth
from qsup.check.python.kinds import (
    Bound,
    Code,
    Foreign,
    Klass,
    Made,
    Member,
    Method,
    Missing,
    Nothing,
    Plain,
    Root,
    Space,
    Text,
    Unknown,
    Value,
)  # fmt: skip
from qsup.check.python.outline import Scope
from qsup.check.source import Function, Imported

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator

MAKERS = {"model_validate", "model_validate_json", "model_validate_strings", "model_construct", "parse_obj"}
COPIES = {"model_copy", "copy", "__copy__", "__deepcopy__"}
HARMLESS = {"staticmethod", "classmethod", "property", "cached_property", "cache", "lru_cache", "wraps", "override"}
"""Decorators whose function still returns what it returns."""
Verdict = Literal["job", "other", "unknown"]
FURTHEST = 12
"""Base classes of base classes that are followed."""


def attribute(ev: Evaluator, value: Value, name: str) -> list[Value]:
    """`value.name`."""
    match value:
        case Space(module=module):
            return _in_space(ev, module, name)
        case Klass():
            return _of_class(ev, value, name)
        case Made(of=Klass() as klass, exact=exact):
            return _of_instance(ev, Made(klass, exact), klass, name)
        case Root() | Made():
            return [Bound(Made(Root()))] if name == "dispatch" else [value] if name in MAKERS | COPIES else [Unknown()]
        case Member(text=text, is_text=is_text, written=written):
            known = text is not None and (name in ("value", "_value_") or (is_text and name == "__str__"))
            why = "which value it has shows only when it runs"
            return [Text(text, written)] if known and text is not None else [Unknown(why)]
        case Foreign(standard=True):
            return [Foreign(f"{value.module}.{value.name}", name, standard=True)]
        case Plain() | Nothing() | Text():
            return [Plain()] if name == "dispatch" else [Method(value, name)]
        case Foreign():
            return [Bound(value)] if name == "dispatch" else [Foreign(f"{value.module}.{value.name}", name)]
        case Unknown(why=why):
            named = value if isinstance(why, Missing) else Method(value, name)
            return [Bound(value)] if name == "dispatch" else [named]
        case _:
            return [Unknown()] if isinstance(value, Method) and name == "dispatch" else [Method(value, name)]


def _in_space(ev: Evaluator, module: str, name: str) -> list[Value]:
    found = ev.imported(Imported(module, name))
    if name == "dispatch":
        source = ev.source(module)
        if source is not None and not source.open and not (found and found != [Unknown()]):
            return [Plain()]
        if source is None and ev.sources.is_folder(module):
            return [Plain()]
        # A module's own function of that name, unless nobody can read what it is.
        return [Bound(one) if isinstance(one, Unknown | Foreign) and not _standard(one) else one for one in found]
    return found


def _standard(value: Value) -> bool:
    return isinstance(value, Foreign) and value.standard


def _of_class(ev: Evaluator, klass: Klass, name: str) -> list[Value]:
    if name in MAKERS or name in ("__new__", "__class__"):
        return [klass]
    found = member(ev, klass, name)
    if name == "dispatch" and not (found and kind(ev, klass) == "other"):
        return [Bound(Made(Klass(klass.scope), klass.exact))]
    return found or [Unknown()]


def _of_instance(ev: Evaluator, value: Made, klass: Klass, name: str) -> list[Value]:
    if name == "dispatch":
        return [Bound(value)]
    if name in COPIES or name == "__class__":
        return [Klass(klass.scope, value.exact)]
    found = member(ev, klass, name)
    return [replace(one, of_instance=True) if isinstance(one, Code) else one for one in found] or [Unknown()]


def kind(ev: Evaluator, klass: Klass) -> Verdict:
    """`job`, `other` or `unknown`: whether the class inherits from qsup.Job, as far as its bases can be read."""
    kinds = [_kind_of_base(base) for base in lineage(ev, klass)[1:]]
    return "job" if "job" in kinds else "unknown" if "unknown" in kinds else "other"


NO_JOBS = {("pydantic", "BaseModel"), ("typing_extensions", "Protocol")}
"""Bases outside the source that are certainly not qsup.Job, and met often."""


def _kind_of_base(base: Value) -> Verdict:
    match base:
        case Root():
            return "job"
        case Klass() | Plain() | Nothing():
            return "other"
        case Foreign(module=module, name=name, standard=standard):
            return "other" if standard or (module, name) in NO_JOBS else "unknown"
        case _:
            return "unknown"


def lineage(ev: Evaluator, klass: Klass) -> list[Value]:
    """The class, its bases, their bases …, each once; what is no readable class ends a line."""
    if klass.scope in ev.lineages:
        return [klass, *ev.lineages[klass.scope]]
    found: list[Value] = [klass]
    for one in found:
        if isinstance(one, Klass) and len(found) < FURTHEST * FURTHEST:
            outer = one.scope.outer or one.scope
            for base in one.node.bases:
                values = [value for value in ev.follow(base, outer) if value not in found and not _same(value, klass)]
                found += values
    if ev.left > 0:
        ev.lineages[klass.scope] = found[1:]
    return found


def _same(value: Value, klass: Klass) -> bool:
    return isinstance(value, Klass) and value.scope is klass.scope


def member(ev: Evaluator, klass: Klass, name: str) -> list[Value]:
    """What the class or one of its bases gives the name: in its body, or by `self.name = …` in a method."""
    for one in lineage(ev, klass):
        if not isinstance(one, Klass):
            continue
        found = _own_member(ev, one, name, klass)
        if found:
            return found
    return []


def _own_member(ev: Evaluator, owner: Klass, name: str, receiver: Klass) -> list[Value]:
    bindings = owner.scope.names.get(name, [])
    if bindings and bindings[-1].kind == "function":
        code = Code(owner.scope.outline.scopes[bindings[-1].node], receiver)
        return _property(ev, code) or decorated(code)
    found = list(ev.union(bindings, owner.scope))
    if bindings and is_enum(ev, owner):
        return [_member_of_enum(ev, owner, name, value) for value in found]
    uses = _of_self(owner, name)
    for expression, scope in _assigned_to_self(owner, uses):
        found += ev.follow(expression, scope)
    # A declared type in the body (`job: PayJob`) says more than a value that nobody can read.
    if any(isinstance(value, Made) for value in found) and any(binding.kind == "declared" for binding in bindings):
        found = [value for value in found if not isinstance(value, Unknown)]
    return growth.grown_by(ev, list(dict.fromkeys(found)), uses, owner.scope.outline)


def _of_self(owner: Klass, name: str) -> list[ast.Attribute]:
    """`self.name` and `cls.name` anywhere in the class."""
    outline = owner.scope.outline
    return [node for node in outline.selves.get(name, []) if outline.homes[node].holder is owner.scope]


def _assigned_to_self(owner: Klass, uses: list[ast.Attribute]) -> Iterator[tuple[ast.expr, Scope]]:
    outline = owner.scope.outline
    for use in uses:
        parent = outline.parents.get(use)
        scope = outline.homes.get(use, owner.scope)
        match parent:
            case ast.Assign(targets=targets, value=value) if use in targets:
                yield value, scope
            case ast.AnnAssign(target=target, value=ast.expr() as value) if target is use:
                yield value, scope
            case ast.Tuple() | ast.List() | ast.For() | ast.withitem() if isinstance(use.ctx, ast.Store):
                # Unpacked: the name itself is what nobody can read.
                yield use, scope


def is_enum(ev: Evaluator, klass: Klass) -> bool:
    """Whether it is an enum of Python's library."""
    return any(isinstance(base, Foreign) and base.module == "enum" for base in lineage(ev, klass))


def _member_of_enum(ev: Evaluator, klass: Klass, name: str, value: Value) -> Value:
    bases = {(base.module, base.name) for base in lineage(ev, klass) if isinstance(base, Foreign)}
    is_text = bool(bases & {("enum", "StrEnum"), ("builtins", "str")})
    if isinstance(value, Text):
        return Member(value.text, is_text, value.written)
    automatic = isinstance(value, Method) and value.name == "auto"
    return Member(name.lower(), True) if automatic and ("enum", "StrEnum") in bases else Member(None)


def decorated(code: Code) -> list[Value]:
    """A function, unless one of its decorators makes something unknown of it."""
    assert isinstance(code.node, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101  a lambda has no decorators
    for decorator in code.node.decorator_list:
        name = decorator_name(decorator)
        if name not in HARMLESS:
            return [Unknown()]
    return [code]


def decorator_name(decorator: ast.expr) -> str:
    """The last name of a decorator, with or without arguments."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _property(ev: Evaluator, code: Code) -> list[Value]:
    names = {decorator_name(one) for one in code.node.decorator_list} if isinstance(code.node, Function) else set()
    return ev.returned(code) if names & {"property", "cached_property"} else []


def first_parameter(ev: Evaluator, parameter: ast.arg, scope: Scope) -> list[Value]:
    """What `self` or `cls` is: the first parameter of a method, when it has no annotation."""
    function, holder = scope.node, scope.outer
    if not isinstance(function, Function) or holder is None or not isinstance(holder.node, ast.ClassDef):
        return []
    positional = [*function.args.posonlyargs, *function.args.args]
    names = {decorator_name(one) for one in function.decorator_list}
    if not positional or positional[0] is not parameter or "staticmethod" in names:
        return []
    on = next((klass for method, klass in reversed(ev.receivers) if method is scope), Klass(holder, exact=False))
    of_class = "classmethod" in names or function.name in ("__new__", "__init_subclass__", "__class_getitem__")
    return [on] if of_class else [Made(Klass(on.scope), on.exact)]
