"""Whether the handlers, `failed` hooks and job classes that `jobs:` names are in the source, and fit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from qsup.check.classes import Classes, is_job_itself
from qsup.check.problem import Problem, nearest
from qsup.check.source import Found, Function, Module, Sources, dotted, python_files
from qsup.config import Parsed
from qsup.faults import problem
from qsup.routing import Route


@dataclass(slots=True)
class Handlers:
    """The check of every route against the source."""

    parsed: Parsed
    sources: Sources
    classes: Classes

    def check(self) -> Iterator[Problem]:
        for route in self.parsed.routing.routes.values():
            yield from self._function(route, "handler", route.handler)
            if route.failed is not None:
                yield from self._function(route, "failed", route.failed)
            yield from self._job_class(route)

    def _function(self, route: Route, key: str, name: str) -> Iterator[Problem]:
        module_name, _, function = name.partition(":")
        module = self.sources.module(module_name)
        if module is None:
            message = f"there is no module {module_name} for {_what(key)} of {route.job}"
            yield self._problem("Q201", message, route, key, self._nearest_module(module_name))
        elif module.error:
            message = f"{_what(key)} of {route.job} is in {module.file.name}, which is not Python: {module.error}"
            yield self._problem("Q208", message, route, key, f"look at line {module.line}")
        else:
            yield from self._signature(route, key, module, function)

    def _nearest_module(self, name: str) -> str:
        parent = self.sources.root / Path(*name.split(".")[:-1])
        siblings = [file.stem for file in parent.glob("*.py") if file.stem != "__init__"]
        hint = nearest(name.rpartition(".")[2], siblings)
        prefix = name.rpartition(".")[0]
        return hint.replace("mean ", f"mean {prefix}.") if prefix else hint

    def _signature(self, route: Route, key: str, module: Module, function: str) -> Iterator[Problem]:
        found = self.sources.find(module, function)
        if found is None:
            message = f"module {module.name} has no function {function} ({_what(key)} of {route.job})"
            yield self._problem("Q202", message, route, key, nearest(function, module.functions()))
        elif isinstance(found.meaning, ast.ClassDef):
            message = f"{module.name}:{function} is a class, expected a function with the parameters (job, ctx)"
            yield self._problem("Q202", message, route, key)
        elif isinstance(found.meaning, Function) and not found.meaning.decorator_list:
            yield from self._parameters(route, key, found, found.meaning)

    def _parameters(self, route: Route, key: str, found: Found, node: Function) -> Iterator[Problem]:
        if not takes_two(node.args):
            message = f"{node.name} cannot be called with two arguments, expected the parameters (job, ctx)"
            yield self._problem("Q203", message, route, key)
            return
        parameters = [*node.args.posonlyargs, *node.args.args]
        named = self._annotated(found.module, parameters[0]) if parameters and found.module else None
        if named is not None and named != route.job:
            message = f"{node.name} takes a {named}, but {route.job} is routed to it"
            yield self._problem("Q204", message, route, key)

    def _annotated(self, module: Module, parameter: ast.arg) -> str | None:
        """The class that the annotation names; None when there is none, or none in the source, or qsup.Job itself."""
        name = annotation(parameter)
        if name is None:
            return None
        found = self.sources.find(module, name)
        if found is None or is_job_itself(found):
            return None
        return found.meaning.name if isinstance(found.meaning, ast.ClassDef) else None

    def _job_class(self, route: Route) -> Iterator[Problem]:
        module = self._home(route)
        if module is None:
            if self._all_readable(route):
                message = f"there is no job class {route.job} in the code"
                known = [name for name, home in self.classes.known.items() if name not in self.classes.others and home]
                place = self.parsed.tree.key("jobs", route.job)
                path = ("jobs", route.job)
                yield problem("Q205", message, path, self.parsed.tree, place, nearest(route.job, known))
        elif self.classes.verdict(module, route.job) == "other":
            message = f"{route.job} in {module.name} is not a job class, expected class {route.job}(qsup.Job)"
            place = self.parsed.tree.key("jobs", route.job)
            yield problem("Q206", message, ("jobs", route.job), self.parsed.tree, place)

    def _home(self, route: Route) -> Module | None:
        """A module in which the route's job class has a meaning: the handler's, else where the code declares it."""
        module = self.sources.module(route.handler.partition(":")[0])
        if module and self.sources.find(module, route.job):
            return module
        return self.classes.known.get(route.job) or self.classes.others.get(route.job)

    def _all_readable(self, route: Route) -> bool:
        """False when the handler's own module is missing or broken: that is the problem to solve first."""
        module = self.sources.module(route.handler.partition(":")[0])
        return module is not None and not module.error

    def _problem(self, code: str, message: str, route: Route, key: str, hint: str = "") -> Problem:
        path = ("jobs", route.job, key)
        found = problem(code, message, path, self.parsed.tree, self.parsed.tree.at(*path), hint)
        return replace(found, queue=route.queue)


def _what(key: str) -> str:
    return "the handler" if key == "handler" else "the `failed` hook"


def takes_two(arguments: ast.arguments) -> bool:
    """True when a call with two positional arguments fits."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    keyword_only = sum(default is None for default in arguments.kw_defaults)
    return required <= 2 and (positional >= 2 or arguments.vararg is not None) and not keyword_only


def annotation(parameter: ast.arg) -> str | None:
    """The dotted name of a parameter's annotation, be it in quotes."""
    node = parameter.annotation
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.strip() if node.value.strip().replace(".", "_").isidentifier() else None
    return dotted(node) if node is not None else None


def handler_files(parsed: Parsed, root: Path) -> Iterator[Path]:
    """The Python files of the handlers' top-level packages below `root`."""
    names = [name for route in parsed.routing.routes.values() for name in (route.handler, route.failed) if name]
    for top in sorted({name.partition(":")[0].partition(".")[0] for name in names}):
        yield from python_files(root / f"{top}.py")
        yield from python_files(root / top)
