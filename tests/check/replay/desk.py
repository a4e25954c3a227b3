"""The code of a shop that dispatches its jobs: every job somewhere, most of them in several places."""

from __future__ import annotations

from collections.abc import Iterator

from tests.check.replay.lines import Line, Sent
from tests.check.replay.shop import Job, Shop, founded
from tests.check.replay.ways import write_site
from tests.check.replay.writing import NAMES, NAMES_TEXT, TOOLS, Module


def project(seed: int) -> Shop:
    """The whole project of a number, without any mistake."""
    shop = founded(seed)
    shop.tree.add("shop/tools.py", TOOLS)
    shop.tree.add(NAMES, NAMES_TEXT)
    modules = [Module(shop, name) for name in ("shop/desk/till.py", "shop/desk/late.py", "shop/counter.py")]
    for job, queue in _wanted(shop):
        if shop.random.random() < 0.15:
            _in_script(shop, job, queue)
        elif queue is None and shop.random.random() < 0.3:
            _in_handler(shop, job)
        else:
            write_site(shop.random.choice(modules), job, queue)
    for module in modules:
        shop.tree.files[module.name] = module.lines()
    shop.tree.add("shop/desk/__init__.py", "")
    shop.tree.files.setdefault("scripts/nightly.sh", [Line("#!/bin/sh")])
    return shop


def _wanted(shop: Shop) -> Iterator[tuple[Job, str | None]]:
    for job in shop.jobs:
        for _ in range(shop.random.choice([1, 1, 2, 3])):
            yield job, shop.random.choice([None, None, *shop.queues])
    if shop.side:
        yield shop.random.choice(shop.jobs), shop.side


def _in_script(shop: Shop, job: Job, queue: str | None) -> None:
    lines = shop.tree.files.setdefault("scripts/nightly.sh", [Line("#!/bin/sh"), Line("set -e")])
    line = Line(f"qsup dispatch {job.name} '{{\"n\": 1}}'{f' --queue={queue}' if queue else ''}")
    line.sent.append(Sent(job.name, queue, written=line if queue else None))
    lines.append(line)


def _in_handler(shop: Shop, job: Job) -> None:
    """At the end of some handler, in its own transaction."""
    other = shop.random.choice(shop.jobs)
    lines = shop.tree.files[f"{other.handler.partition(':')[0].replace('.', '/')}.py"]
    at = lines.index(other.function) + 2
    name = f"Next{len(lines)}"
    named = Line(f"    from {job.home} import {job.name} as {name}")
    site = Line(f"        {name}(n=job.n + 1).dispatch(conn)")
    site.sent.append(Sent(job.name, named=named))
    lines[at:at] = [named, Line("    with ctx.transaction() as conn:"), site]
