"""A small project made from a number: queues, job classes, handlers, and code that dispatches in every way."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.check.replay.lines import Line, Tree

QUEUES = ("payments", "router-data", "hotspot-sms", "reports", "mail.low", "audit_log", "images", "webhooks")
JOBS = (
    "ChargeCardJob", "SyncRouter", "SendTextJob", "WriteReport", "PostMailJob", "AuditTrail", "ResizeImageJob",
    "CallWebhook", "PruneNightly", "ImportCatalogJob",
)  # fmt: skip
MODULES = ("money", "devices", "texts", "papers", "upkeep")


@dataclass(eq=False, slots=True)
class Job:
    """One job class with its route."""

    name: str
    queue: str
    home: str
    """The module of the class."""
    handler: str
    """`module:function`."""
    failed: str | None = None
    declared: Line = field(default_factory=lambda: Line(""))
    """`class …` in the home."""
    route: Line = field(default_factory=lambda: Line(""))
    """Its key in queues.yaml; `on`, `by` and `hook` are where its queue, handler and `failed` stand."""
    on: Line = field(default_factory=lambda: Line(""))
    by: Line = field(default_factory=lambda: Line(""))
    hook: Line = field(default_factory=lambda: Line(""))
    function: Line = field(default_factory=lambda: Line(""))
    """`def …` of the handler."""
    exported: Line = field(default_factory=lambda: Line(""))
    """The line of shop/__init__.py that gives the class on."""
    public: str = ""
    """The name that it has there."""

    @property
    def function_name(self) -> str:
        """The handler without its module."""
        return self.handler.partition(":")[2]


@dataclass(eq=False, slots=True)
class Shop:
    """The project. Its random numbers are its own: the same number gives the same project."""

    seed: int
    random: random.Random
    tree: Tree = field(default_factory=Tree)
    queues: dict[str, Line] = field(default_factory=dict)
    """Each with its line in queues.yaml."""
    jobs: list[Job] = field(default_factory=list)
    code: Line = field(default_factory=lambda: Line("code: [shop, scripts]"))
    side: str | None = None
    """A queue that no route names, and some call does."""
    names: dict[tuple[str, str], Line] = field(default_factory=dict)
    """The lines of shop/names.py, by the class or table that they are in and their text."""

    def routed(self) -> dict[str, Line]:
        """The queues that some route names."""
        return {name: line for name, line in self.queues.items() if name != self.side}

    def job(self, name: str) -> Job:
        """The job of that name."""
        return next(job for job in self.jobs if job.name == name)


def founded(seed: int) -> Shop:
    """A shop with everything but its dispatching code."""
    shop = Shop(seed, random.Random(seed))  # noqa: S311  repeatable is what it has to be
    _decide(shop)
    _classes(shop)
    _exports(shop)
    _handlers(shop)
    _file(shop)
    return shop


def _decide(shop: Shop) -> None:
    chance = shop.random
    queues = chance.sample(QUEUES, chance.randint(2, 6))
    names = chance.sample(JOBS, chance.randint(max(3, len(queues)), 10))
    homes = chance.sample(MODULES, 3)
    shop.side = queues[-1] if len(queues) > 2 and chance.random() < 0.4 else None
    open_to = [queue for queue in queues if queue != shop.side]
    for number, name in enumerate(names):
        queue = open_to[number] if number < len(open_to) else chance.choice(open_to)
        home = f"shop.jobs.{chance.choice(homes)}"
        handler = f"shop.handlers.{chance.choice(homes)}:run_{name.lower()}"
        hook = handler.replace(":run_", ":after_") if chance.random() < 0.3 else None
        shop.jobs.append(Job(name, queue, home, handler, hook))
    shop.queues = {queue: Line("") for queue in queues}


def _classes(shop: Shop) -> None:
    based = shop.random.random() < 0.3
    shop.tree.add("shop/jobs/__init__.py", "")
    shop.tree.add("shop/jobs/base.py", "import qsup\n\n\nclass Base(qsup.Job):\n    n: int = 0")
    for job in shop.jobs:
        lines = shop.tree.files.setdefault(f"{job.home.replace('.', '/')}.py", [Line("import qsup")])
        base = "qsup.Job"
        if based and shop.random.random() < 0.5:
            base = "Base"
            lines.insert(1, Line("from .base import Base"))
        job.declared.text = f"class {job.name}({base}):"
        lines += [Line(""), Line(""), job.declared, Line("    n: int = 0")]


def _exports(shop: Shop) -> None:
    lines = shop.tree.files["shop/__init__.py"] = [Line('"""The shop."""')]
    for job in shop.jobs:
        job.public = shop.random.choice([job.name, f"{job.name.removesuffix('Job')}Task"])
        given = job.name if job.public == job.name else f"{job.name} as {job.public}"
        job.exported.text = f"from {job.home.replace('shop', '', 1)} import {given}"
        lines.append(job.exported)


def _handlers(shop: Shop) -> None:
    shop.tree.add("shop/handlers/__init__.py", "")
    for job in shop.jobs:
        lines = shop.tree.files.setdefault(
            f"{job.handler.partition(':')[0].replace('.', '/')}.py", [Line("import qsup")]
        )
        lines.append(Line(f"from {job.home} import {job.name}"))
    for job in shop.jobs:
        lines = shop.tree.files[f"{job.handler.partition(':')[0].replace('.', '/')}.py"]
        begin = shop.random.choice(["def", "def", "async def"])
        job.function.text = f"{begin} {job.function_name}(job: {job.name}, ctx: qsup.Context) -> None:"
        lines += [Line(""), Line(""), job.function, Line('    ctx.progress(50, "half")')]
        if job.failed:
            after = job.failed.partition(":")[2]
            lines += [Line(""), Line(""), Line(f"def {after}(job, ctx, error=None):"), Line("    print(job)")]


def _file(shop: Shop) -> None:
    lines = shop.tree.files["queues.yaml"] = [Line("version: 1"), Line(""), Line("queues:")]
    for queue, line in shop.queues.items():
        first = next(iter(shop.queues))
        along = queue not in (first, shop.side) and len(shop.queues) > 2 and shop.random.random() < 0.2
        line.text = f"  {queue}: {{workers_of: {first}}}" if along else f"  {queue}: {{workers: 1, memory: 64MB}}"
        lines.append(line)
    lines += [Line(""), Line("jobs:")]
    for job in shop.jobs:
        lines += _long(job) if shop.random.random() < 0.4 else _short(job)
    lines += [Line(""), shop.code]


def _short(job: Job) -> list[Line]:
    hook = f', failed: "{job.failed}"' if job.failed else ""
    job.route.text = f'  {job.name}: {{queue: {job.queue}, handler: "{job.handler}"{hook}}}'
    job.on = job.by = job.hook = job.route
    return [job.route]


def _long(job: Job) -> list[Line]:
    job.route.text = f"  {job.name}:"
    job.on.text = f"    queue: {job.queue}"
    job.by.text = f"    handler: {job.handler}"
    job.hook.text = f"    failed: {job.failed}"
    return [job.route, job.on, job.by, *([job.hook] if job.failed else [])]
