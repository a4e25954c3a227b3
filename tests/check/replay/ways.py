"""The ways to dispatch one job: an instance, and a call that puts it in."""

from __future__ import annotations

from collections.abc import Callable

from tests.check.replay.lines import Line, Sent
from tests.check.replay.shop import Job
from tests.check.replay.writing import Module, Named, class_name, queue_name, surrounded

Made = tuple[list[Line], str]
"""Lines that come before, and an expression for the instance."""


def write_site(module: Module, job: Job, queue: str | None) -> None:
    """One more place in the module that dispatches the job, perhaps on a queue that it names."""
    way = module.shop.random.choice(WAYS)
    module.body += [Line(""), *surrounded(module, way(module, job, queue))]


def instance(module: Module, kind: str) -> Made:
    """Some way to make an instance of `kind`."""
    return module.shop.random.choice(INSTANCES)(module, kind)


def _new(module: Module, kind: str) -> Made:
    ways = [f"{kind}(n=1)", f'{kind}.model_validate({{"n": 1}})', f"{kind}(n=1).model_copy()", f"[{kind}(n=1)][0]"]
    return [], module.shop.random.choice(ways)


def _variable(module: Module, kind: str) -> Made:
    name = module.fresh("job")
    return [Line(f"{name} = {kind}(n=2)")], name


def _walrus(module: Module, kind: str) -> Made:
    return [], f"({module.fresh('job')} := {kind}(n=3))"


def _factory(module: Module, kind: str) -> Made:
    name = module.fresh("make")
    arrow = f" -> {kind}" if "[" not in kind and module.shop.random.random() < 0.5 else ""
    module.head(f"def {name}(n){arrow}:", f"    return {kind}(n=n)")
    return [], f"{name}(4)"


def _lambda(module: Module, kind: str) -> Made:
    name = module.fresh("make")
    module.head(f"{name} = lambda n: {kind}(n=n)")
    return [], f"{name}(5)"


def _partial(module: Module, kind: str) -> Made:
    module.imported("import functools")
    name = module.fresh("make")
    module.head(f"{name} = functools.partial({kind}, n=6)")
    return [], f"{name}()"


def _branches(module: Module, kind: str) -> Made:
    module.imported("from shop.tools import flag")
    name = module.fresh("job")
    texts = ("if flag:", f"    {name} = {kind}(n=1)", "else:", f"    {name} = {kind}(n=2)")
    return [Line(text) for text in texts], name


def _of_self(module: Module, kind: str) -> Made:
    name = module.fresh("Till")
    texts = [f"class {name}:", "    def __init__(self):", f"        self.job = {kind}(n=1)"]
    module.head(*texts)
    return [], f"{name}().job"


def _copied(module: Module, kind: str) -> Made:
    module.imported("import copy")
    return [], f"copy.copy({kind}(n=7))"


INSTANCES: list[Callable[[Module, str], Made]] = [
    _new, _new, _new, _variable, _walrus, _factory, _lambda, _partial, _branches, _of_self, _copied,
]  # fmt: skip


def _call(
    module: Module, job: Job, queue: str | None, form: str, *others: str, kind: Named | None = None
) -> list[Line]:
    """`form` with {x} an instance, {kind} its class, {q} the queue as an argument; `others` stand before it."""
    kind = kind or class_name(module, job)
    before, made = instance(module, kind.text)
    place = queue_name(module, queue) if queue else Named("None")
    words = {"x": made, "kind": kind.text, "name": module.fresh("go"), "q": _argument(queue, place)}
    first, *rest = form.format(**words).split("\n")
    line = Line(first)
    lines = [*(Line(text.format(**words)) for text in others), line, *(Line(text) for text in rest)]
    sent = _sent(job, queue, kind, place, line)
    if queue and place.line is None:
        sent.written = next(one for one in lines if place.text in one.text)
    line.sent.append(sent)
    return [*before, *lines]


def _argument(queue: str | None, place: Named) -> str:
    return f"queue={place.text}" if queue else "delay=5"


def _sent(job: Job, queue: str | None, kind: Named, place: Named, line: Line) -> Sent:
    written = (place.line or line) if queue else None
    return Sent(job.name, queue, named=kind.line, written=written)


def _method(module: Module, job: Job, queue: str | None) -> list[Line]:
    module.imported("from shop.tools import conn")
    forms = [
        "{x}.dispatch({q})",
        "{x}.dispatch(conn, {q})",
        "print({x}.dispatch({q}))",
        'getattr({x}, "dispatch")({q})',
    ]
    return _call(module, job, queue, module.shop.random.choice(forms))


def _lines(module: Module, job: Job, queue: str | None) -> list[Line]:
    forms = [
        "{kind}(\n    n=1,\n).dispatch(\n    {q},\n)",
        "{x}.dispatch(\n    {q},\n)",
        "{x}.dispatch({q}) or (\n    0\n)",
    ]
    return _call(module, job, queue, module.shop.random.choice(forms))


def _awaited(module: Module, job: Job, queue: str | None) -> list[Line]:
    lines = _call(module, job, queue, "await {x}.dispatch(conn, {q})")
    return [Line(f"async def {module.fresh('later')}(conn):"), *(line.indented() for line in lines)]


FUNCTIONS = {
    "qsup.dispatch": "import qsup",
    "put": "from qsup import dispatch as put",
    "dispatch": "from qsup import dispatch",
    "q.dispatch": "import qsup as q",
}


def _function(module: Module, job: Job, queue: str | None) -> list[Line]:
    name = module.shop.random.choice(list(FUNCTIONS))
    module.imported(FUNCTIONS[name])
    return _call(module, job, queue, f"{name}({{x}}, {{q}})")


def _many(module: Module, job: Job, queue: str | None) -> list[Line]:
    module.imported("import qsup")
    form = module.shop.random.choice(
        [
            "qsup.dispatch_many([{x}, {kind}(n=9)], {q})",
            "qsup.dispatch_many([{kind}(n=n) for n in range(3)], {q})",
            "qsup.dispatch_many(({kind}(n=n) for n in range(3) if n), {q})",
            "qsup.dispatch_many(map(lambda n: {kind}(n=n), range(3)), {q})",
            "qsup.dispatch_many(jobs=({x},), {q})",
            "qsup.dispatch_many(list({{n: {kind}(n=n) for n in range(3)}}.values()), {q})",
        ]
    )
    return _call(module, job, queue, form)


def _batch(module: Module, job: Job, queue: str | None) -> list[Line]:
    module.imported("from qsup import dispatch_many")
    others = ["{name} = []", "for n in range(3):", "    {name}.append({kind}(n=n))"]
    return _call(module, job, queue, "dispatch_many({name}, {q})", *others)


def _held_back(module: Module, job: Job, queue: str | None) -> list[Line]:
    module.imported("import functools")
    module.imported("import qsup")
    other, form = module.shop.random.choice(
        [
            ("{name} = functools.partial(qsup.dispatch, {x})", "{name}({q})"),
            ("{name} = functools.partial(qsup.dispatch, {q})", "{name}({x})"),
            ("{name} = functools.partial({x}.dispatch, {q})", "{name}()"),
            ("{name} = {x}.dispatch", "{name}({q})"),
            ("{name} = functools.partial(qsup.dispatch_many, [{x}])", "{name}({q})"),
        ]
    )
    return _call(module, job, queue, form, other)


def _given_away(module: Module, job: Job, queue: str | None) -> list[Line]:
    module.imported("import functools")
    module.imported("import qsup")
    module.imported("from shop.tools import pool")
    form = module.shop.random.choice(
        [
            "pool.later(5, functools.partial(qsup.dispatch, {x}, {q}))",
            "pool.submit(functools.partial({x}.dispatch, {q}))",
            "pool.submit(qsup.dispatch, {x}, {q})",
            "pool.later(lambda: {kind}(n=1).dispatch({q}))",
        ]
    )
    return _call(module, job, queue, form)


def _options(module: Module, job: Job, queue: str | None) -> list[Line]:
    form = module.shop.random.choice(['{name} = {{"delay": 5}}', "{name} = dict(delay=5)"])
    if queue:
        return _call(module, job, queue, "{x}.dispatch({q}, **{name})", form)
    return _call(module, job, queue, "{x}.dispatch(**{name})", form)


def _loop(module: Module, job: Job, queue: str | None) -> list[Line]:
    other = module.shop.random.choice(
        ["for {name} in [{x}]:", "for {name} in ({kind}(n=n) for n in range(3)):", "for _, {name} in enumerate([{x}]):"]
    )
    return _call(module, job, queue, "    {name}.dispatch({q})", other)


PARAMETERS = [
    "def {name}_to(job: {kind}):",
    "def {name}_to(job: '{kind} | None' = None):",
    "def {name}_to(kind: type[{kind}], job=None):\n    job = kind(n=1)",
    "def {name}_to(job):\n    assert isinstance(job, {kind})",
    "def {name}_to(job):\n    if not isinstance(job, {kind}):\n        return",
]


def _parameter(module: Module, job: Job, queue: str | None) -> list[Line]:
    kind = class_name(module, job)
    while "[" in kind.text:
        # A table's item is no annotation.
        kind = class_name(module, job)
    others = module.shop.random.choice(PARAMETERS).split("\n")
    return _call(module, job, queue, "    job.dispatch({q})", *others, kind=kind)


def _self_queue(module: Module, job: Job, queue: str | None) -> list[Line]:
    """The queue is an attribute of the object that dispatches."""
    if not queue:
        return _method(module, job, queue)
    kind, name = class_name(module, job), module.fresh("Till")
    before, made = instance(module, kind.text)
    in_body = module.shop.random.random() < 0.5
    written = Line(f'    QUEUE = "{queue}"' if in_body else f'        self.queue = "{queue}"')
    site = Line(f"        {made}.dispatch(queue={'self.QUEUE' if in_body else 'self.queue'})")
    site.sent.append(Sent(job.name, queue, named=kind.line, written=written))
    head = (
        [Line(f"class {name}:"), written]
        if in_body
        else [Line(f"class {name}:"), Line("    def __init__(self):"), written]
    )
    return [*head, Line("    def ring(self):"), *(line.indented().indented() for line in before), site]


def _two(module: Module, job: Job, queue: str | None) -> list[Line]:
    """Another job on the same line."""
    other = module.shop.random.choice([one for one in module.shop.jobs if one is not job])
    kind, second = class_name(module, job), class_name(module, other)
    place = queue_name(module, queue) if queue else Named("None")
    module.imported("import qsup")
    module.imported("from shop.tools import flag")
    words = {"a": f"{kind.text}(n=1)", "b": f"{second.text}(n=2)", "q": _argument(queue, place)}
    forms = ["({a} if flag else {b}).dispatch({q})", "qsup.dispatch_many([{a}, {b}], {q})"]
    line = Line(module.shop.random.choice(forms).format(**words))
    line.sent += [_sent(job, queue, kind, place, line), _sent(other, queue, second, place, line)]
    return [line]


def _silenced(module: Module, job: Job, queue: str | None) -> list[Line]:
    """Nobody can say what is dispatched, and a comment does."""
    name = module.fresh("send")
    comment = f"# qsup: dispatches {job.name}{f' on {queue}' if queue else ''}"
    begin = Line(f"def {name}(job, queue=None):")
    call = "    job.dispatch(queue=queue)" if queue else "    job.dispatch()"
    if module.shop.random.random() < 0.5:
        line = said = Line(f"{call}  {comment}")
        lines = [begin, line]
    else:
        line, said = Line(call), Line(f"    {comment}")
        lines = [begin, said, line]
    line.sent.append(Sent(job.name, queue, comment=said, written=said if queue else None))
    return lines


def _statement(module: Module, job: Job, queue: str | None) -> list[Line]:
    module.imported("from shop.tools import conn, payload")
    on = f", queue => '{queue}'" if queue else ""
    forms = [
        f"conn.execute(\"SELECT qsup.dispatch('{job.name}', %s{on})\", [payload])",
        f'conn.execute("SELECT qsup.dispatch(%s, %s{on})", ["{job.name}", payload])',
    ]
    line = Line(module.shop.random.choice(forms))
    line.sent.append(Sent(job.name, queue, written=line if queue else None))
    return [line]


def _command(module: Module, job: Job, queue: str | None) -> list[Line]:
    module.imported("import subprocess")
    words = f'"--queue", "{queue}", ' if queue else ""
    on = f" --queue {queue}" if queue else ""
    forms = [
        f'subprocess.run(["qsup", "dispatch", {words}"{job.name}", "{{}}"], check=True)',
        f"subprocess.run(\"qsup dispatch {job.name} '{{}}'{on}\", shell=True)",
        f'{module.fresh("CRON")} = "*/5 * * * * qsup dispatch {job.name} {{}}{on}"',
    ]
    line = Line(module.shop.random.choice(forms))
    line.sent.append(Sent(job.name, queue, written=line if queue else None))
    return [line]


WAYS: list[Callable[[Module, Job, str | None], list[Line]]] = [
    _method, _method, _awaited, _lines, _function, _many, _batch, _held_back, _given_away, _options, _loop, _parameter,
    _self_queue, _two, _silenced, _statement, _command,
]  # fmt: skip
