"""Whether the handlers, `failed` hooks and job classes that `jobs:` names are in the source, and fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from qsup.check.problem import Problem, nearest
from qsup.check.python import attributes, signatures
from qsup.check.python.classes import Classes
from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import Klass, Missing, Value
from qsup.check.source import Module, python_files
from qsup.config import Parsed
from qsup.faults import problem
from qsup.routing import Route


@dataclass(slots=True)
class Handlers:
    """The check of every route against the source."""

    parsed: Parsed
    ev: Evaluator
    classes: Classes

    def check(self) -> Iterator[Problem]:
        """What is wrong with each route."""
        for route in self.parsed.routing.routes.values():
            yield from self._function(route, "handler", route.handler)
            if route.failed is not None:
                yield from self._function(route, "failed", route.failed)
            yield from self._job_class(route)

    def _function(self, route: Route, key: str, name: str) -> Iterator[Problem]:
        module_name, _, function = name.partition(":")
        module = self.ev.sources.module(module_name)
        if module is None:
            message = f"there is no module {module_name} for {_what(key)} of {route.job}"
            yield self._problem("Q201", message, route, key, self._nearest_module(module_name))
        elif module.error:
            message = f"{_what(key)} of {route.job} is in {module.file.name}, which is not Python: {module.error}"
            yield self._problem("Q208", message, route, key, f"look at line {module.line}")
        else:
            yield from self._fits(route, key, module, function)

    def _nearest_module(self, name: str) -> str:
        parent = self.ev.sources.root / Path(*name.split(".")[:-1])
        siblings = [file.stem for file in parent.glob("*.py") if file.stem != "__init__"]
        hint = nearest(name.rpartition(".")[2], siblings)
        prefix = name.rpartition(".")[0]
        return hint.replace("mean ", f"mean {prefix}.") if prefix else hint

    def _fits(self, route: Route, key: str, module: Module, function: str) -> Iterator[Problem]:
        found = self._named(module, function)
        if not found:
            if not module.open:
                message = f"module {module.name} has no function {function} ({_what(key)} of {route.job})"
                yield self._problem("Q202", message, route, key, nearest(function, module.functions()))
        elif all(isinstance(value, Klass) for value in found):
            message = f"{module.name}:{function} is a class, expected a function with the parameters (job, ctx)"
            yield self._problem("Q202", message, route, key)
        elif len(found) == 1:
            yield from self._callable(route, key, module, function, found[0])

    def _named(self, module: Module, function: str) -> list[Value]:
        """What stands there; nothing when the source shows that nothing does."""
        if self.ev.in_module_is_missing(module, function):
            return []
        return self.ev.in_module(module, function)

    def _callable(self, route: Route, key: str, module: Module, function: str, value: Value) -> Iterator[Problem]:
        kind = signatures.what_it_is(value)
        if kind:
            message = f"{module.name}:{function} is {kind}, expected a function with the parameters (job, ctx)"
            yield self._problem("Q202", message, route, key)
            return
        signature = signatures.of(self.ev, value)
        if signature is None:
            return
        if not signature.takes_two():
            message = f"{signature.name} cannot be called with two arguments, expected the parameters (job, ctx)"
            yield self._problem("Q203", message, route, key)
        elif signature.generator:
            message = f"{signature.name} has a yield: calling it only makes a generator, and nothing of it would run"
            yield self._problem("Q207", message, route, key, "return instead, or loop inside of it")
        else:
            yield from self._payload(route, key, signature)

    def _payload(self, route: Route, key: str, signature: signatures.Signature) -> Iterator[Problem]:
        missing = signature.missing(self.ev)
        if missing is not None:
            yield self._missing(route, missing, signature)
            return
        accepted = signature.accepted(self.ev)
        if accepted is None or route.job in {klass.name for klass in accepted if isinstance(klass, Klass)}:
            return
        own = self._class(route)
        above = attributes.lineage(self.ev, own) if own else []
        if any(isinstance(one, Klass) and one.scope in {klass.scope for klass in accepted} for one in above):
            return
        names = " or ".join(klass.name for klass in accepted)
        message = f"{signature.name} takes a {names}, but {route.job} is routed to it"
        yield self._problem("Q204", message, route, key)

    def _missing(self, route: Route, what: Missing, signature: signatures.Signature) -> Problem:
        """At the import or name that is wrong; `path` is the whole one."""
        module = self.ev.sources.module(what.module) or signature.scope.module
        return Problem(
            code="Q217",
            message=f"{what}: {signature.name} cannot take a {route.job}",
            hint=what.hint,
            path=str(module.file),
            line=what.line,
            column=what.column,
            queue=route.queue,
            job=route.job,
        )

    def _job_class(self, route: Route) -> Iterator[Problem]:
        if not self._all_readable(route):
            return
        place, path = self.parsed.tree.key("jobs", route.job), ("jobs", route.job)
        found = self._class(route)
        if found is None:
            if not self._may_be_elsewhere(route):
                message = f"there is no job class {route.job} in the code"
                yield problem("Q205", message, path, self.parsed.tree, place, nearest(route.job, self._like(route.job)))
        elif self.classes.verdict(found) == "other":
            home = found.scope.module.name
            message = f"{route.job} in {home} is not a job class, expected class {route.job}(qsup.Job)"
            yield problem("Q206", message, path, self.parsed.tree, place)

    def _class(self, route: Route) -> Klass | None:
        """The route's job class: as the handler's module knows it, else wherever the code declares one of its name."""
        module = self._home(route)
        here = self.ev.in_module(module, route.job) if module and not module.error else []
        found = [value for value in here if isinstance(value, Klass)]
        found = found or list(self.classes.every({route.job}))
        jobs = [klass for klass in found if self.classes.verdict(klass) == "job"]
        return next(iter([*jobs, *found]), None)

    def _like(self, job: str) -> list[str]:
        """The job classes with a name like this one; others need not be looked at."""
        names = {heir.name for module in self.classes.modules for heir in module.summary.classes}
        wanted = {name for name in names if nearest(job, [name])}
        return [klass.name for klass in self.classes.every(wanted) if self.classes.verdict(klass) != "other"]

    def _home(self, route: Route) -> Module | None:
        return self.ev.sources.module(route.handler.partition(":")[0])

    def _may_be_elsewhere(self, route: Route) -> bool:
        """True when the handler's module imports it from where nobody can read."""
        module = self._home(route)
        return module is not None and not self.ev.in_module_is_missing(module, route.job)

    def _all_readable(self, route: Route) -> bool:
        """False when the handler's own module is missing or broken: that is the problem to solve first."""
        module = self._home(route)
        return module is not None and not module.error

    def _problem(self, code: str, message: str, route: Route, key: str, hint: str = "") -> Problem:
        path = ("jobs", route.job, key)
        found = problem(code, message, path, self.parsed.tree, self.parsed.tree.at(*path), hint)
        return replace(found, queue=route.queue)


def _what(key: str) -> str:
    return "the handler" if key == "handler" else "the `failed` hook"


def handler_files(parsed: Parsed, root: Path) -> Iterator[Path]:
    """The Python files of the handlers' top-level packages below `root`."""
    names = [name for route in parsed.routing.routes.values() for name in (route.handler, route.failed) if name]
    for top in sorted({name.partition(":")[0].partition(".")[0] for name in names}):
        yield from python_files(root / f"{top}.py")
        yield from python_files(root / top)
