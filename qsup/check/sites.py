"""Where the code dispatches jobs: `X(…).dispatch()`, `qsup.dispatch(X(…))`, `qsup.dispatch_many([X(…), …])`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qsup.check.classes import Classes
from qsup.check.handlers import annotation
from qsup.check.source import Function, Imported, Module, Sources, dotted


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One job that one call dispatches. `job` is empty when only running the code would tell; `why` says so."""

    file: Path
    line: int
    column: int
    job: str = ""
    queue: str | None = None
    """The literal `queue=`."""
    why: str = ""


Job = tuple[str, str]
"""The job class's name, or an empty one and why it is not known; ("", "") for what is no job at all."""

ANY_VALUE = "which job it is shows only when it runs"


def sites(module: Module, sources: Sources, classes: Classes, routed: Collection[str]) -> list[Site]:
    """The dispatch sites in `module`, in the order of the file. `routed` are the names of the jobs of queues.yaml."""
    reader = _Reader(module, sources, classes, routed)
    try:
        reader.visit(module.tree)
    except RecursionError:
        return [Site(file=module.file, line=1, column=1, why="the file is nested too deeply to be read")]
    return sorted(reader.found, key=lambda site: (site.line, site.column))


@dataclass
class _Reader(ast.NodeVisitor):
    module: Module
    sources: Sources
    classes: Classes
    routed: Collection[str]
    found: list[Site] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    holders: list[ast.ClassDef] = field(default_factory=list)
    following: list[str] = field(default_factory=list)
    """Variables whose values are being looked at: one of them again is a circle."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._inside(node)

    def _inside(self, node: Function) -> None:
        self.functions.append(node)
        self.generic_visit(node)
        self.functions.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.holders.append(node)
        self.generic_visit(node)
        self.holders.pop()

    def visit_Call(self, node: ast.Call) -> None:
        for job, why in self._dispatched(node):
            if job or why:
                self._note(node, job, why)
        self.generic_visit(node)

    def _dispatched(self, node: ast.Call) -> list[Job]:
        """The jobs that this call dispatches; none when it is another kind of call."""
        match self._public(node.func):
            case "dispatch":
                return self._jobs(self._argument(node, "job"))
            case "dispatch_many":
                return self._many(self._argument(node, "jobs"))
        if isinstance(node.func, ast.Attribute) and node.func.attr == "dispatch":
            return self._jobs(node.func.value)
        return []

    def _public(self, function: ast.expr) -> str | None:
        """`dispatch` or `dispatch_many` when `function` is qsup's own, by whichever import."""
        name = dotted(function)
        found = self.sources.find(self.module, name) if name else None
        if found is None:
            return None
        if isinstance(found.meaning, Imported) and found.meaning.module == "qsup":
            return found.meaning.name
        own = found.module is not None and found.module.name == "qsup" and isinstance(found.meaning, Function)
        return found.name if own else None

    def _argument(self, node: ast.Call, name: str) -> ast.expr | None:
        if node.args:
            return node.args[0]
        return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)

    def _many(self, value: ast.expr | None) -> list[Job]:
        match value:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return list(dict.fromkeys(job for item in items for job in self._jobs(item)))
            case ast.ListComp(elt=item) | ast.GeneratorExp(elt=item):
                return self._jobs(item)
            case ast.Name(id=name):
                values = list(self._assigned(name))
                jobs = [job for given in values if not isinstance(given, ast.Name) for job in self._many(given)]
                return jobs or [("", ANY_VALUE)]
            case _:
                return [("", ANY_VALUE)]

    def _jobs(self, value: ast.expr | None) -> list[Job]:
        match value:
            case ast.Call():
                return [self._constructed(value)]
            case ast.IfExp(body=one, orelse=other):
                return [*self._jobs(one), *self._jobs(other)]
            case ast.NamedExpr(value=inner) | ast.Await(value=inner):
                return self._jobs(inner)
            case ast.Name(id=name):
                return self._variable(name)
            case _:
                return [("", ANY_VALUE)]

    def _constructed(self, call: ast.Call) -> Job:
        if isinstance(call.func, ast.Name) and call.func.id == "super":
            return ("", "")
        verdict, name = self.classes.job_of(self.module, call)
        if verdict == "other":
            return ("", "")
        if verdict == "unknown" and name and name not in self.routed:
            return ("", f"whether {name} is a job class shows only when it runs")
        return (name, "") if name else ("", ANY_VALUE)

    def _variable(self, name: str) -> list[Job]:
        if name in ("self", "cls") and self.holders:
            verdict, own = self.classes.named(self.module, self.holders[-1].name)
            return [(own, "")] if verdict == "job" else []
        values = list(self._assigned(name))
        if not values and not self._parameter(name) and self.sources.find(self.module, name):
            # A module or a class: `signals.dispatch()`, `Handler.dispatch(request)`.
            return [] if isinstance(self.module.names.get(name), ast.ClassDef | Imported) else [("", ANY_VALUE)]
        if name in self.following:
            return self._by_annotation(name) if self._parameter(name) else []
        self.following.append(name)
        jobs = [job for value in values for job in self._jobs(value)]
        self.following.pop()
        return list(dict.fromkeys(jobs)) or self._by_annotation(name)

    def _assigned(self, name: str) -> Iterator[ast.expr]:
        """What is assigned to the variable `name` in the functions around the site, or in the module's body."""
        scope: ast.AST = self.functions[0] if self.functions else self.module.tree
        for node in ast.walk(scope):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    yield value
                case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                    yield value
                case ast.NamedExpr(target=ast.Name(id=target), value=value) if target == name:
                    yield value

    def _parameter(self, name: str) -> ast.arg | None:
        """The parameter `name` of the innermost function that has one."""
        for function in reversed(self.functions):
            given = function.args
            for parameter in [*given.posonlyargs, *given.args, *given.kwonlyargs]:
                if parameter.arg == name:
                    return parameter
        return None

    def _by_annotation(self, name: str) -> list[Job]:
        parameter = self._parameter(name)
        wanted = annotation(parameter) if parameter else None
        verdict, own = self.classes.named(self.module, wanted) if wanted else ("unknown", "")
        if not own or own == "Job":
            return [("", ANY_VALUE)]
        return [(own, "")] if verdict == "job" else []

    def _note(self, node: ast.Call, job: str, why: str) -> None:
        queue, unclear = self._queue(node)
        self.found.append(
            Site(
                file=self.module.file,
                line=node.lineno,
                column=node.col_offset + 1,
                job=job,
                queue=queue,
                why=why or unclear,
            )
        )

    def _queue(self, node: ast.Call) -> tuple[str | None, str]:
        # `**options` may hold a queue too.
        value = next((keyword.value for keyword in node.keywords if keyword.arg in ("queue", None)), None)
        if isinstance(value, ast.Name):
            found = self.sources.find(self.module, value.id)
            value = found.meaning if found and isinstance(found.meaning, ast.Constant) else value
        match value:
            case None | ast.Constant(value=None):
                return None, ""
            case ast.Constant(value=str(name)):
                return name, ""
            case _:
                return None, "which queue it is shows only when it runs"
