"""Mistakes in handlers and job classes."""

from __future__ import annotations

import re

from tests.check.replay.expected import Expected, Found, lost, misspelt, sites_of
from tests.check.replay.lines import Line
from tests.check.replay.shop import Shop


def a_handler_module_that_has_moved(shop: Shop) -> Found:
    """The file has another name."""
    job = shop.random.choice(shop.jobs)
    module = job.handler.partition(":")[0]
    file = f"{module.replace('.', '/')}.py"
    shop.tree.files[file.replace(".py", "_2.py")] = shop.tree.files.pop(file)
    here = [one for one in shop.jobs if one.handler.startswith(f"{module}:")]
    hooks = [Expected("Q201", one.hook, f"{module} |did you mean {module}_2?") for one in here if one.failed]
    return [*(Expected("Q201", one.by, f"{module} |did you mean {module}_2?") for one in here), *hooks]


def a_handler_with_another_name(shop: Shop) -> Found:
    """The function is renamed in the code."""
    job = shop.random.choice(shop.jobs)
    wrong = misspelt(shop, job.function_name, [])
    job.function.text = job.function.text.replace(f" {job.function_name}(", f" {wrong}(")
    return [Expected("Q202", job.by, f"no function {job.function_name} |did you mean {wrong}?")]


def a_failed_hook_with_another_name(shop: Shop) -> Found:
    """The hook is renamed in queues.yaml."""
    jobs = [job for job in shop.jobs if job.failed]
    if not jobs:
        return None
    job = shop.random.choice(jobs)
    name = (job.failed or "").partition(":")[2]
    wrong = misspelt(shop, name, [])
    job.hook.text = job.hook.text.replace(name, wrong)
    return [Expected("Q202", job.hook, f"no function {wrong} |did you mean {name}?")]


def a_handler_that_takes_too_little(shop: Shop) -> Found:
    """Or too much."""
    job = shop.random.choice(shop.jobs)
    wrong = shop.random.choice([")", ", ctx: qsup.Context, conn)", ", *, ctx: qsup.Context)"])
    job.function.text = job.function.text.replace(", ctx: qsup.Context)", wrong)
    return [Expected("Q203", job.by, job.function_name)]


def a_handler_of_another_job(shop: Shop) -> Found:
    """Its parameter is annotated with another class."""
    job, other = shop.random.sample(shop.jobs, 2)
    lines = next(lines for lines in shop.tree.files.values() if job.function in lines)
    lines.insert(0, Line(f"from {other.home} import {other.name} as Wrong"))
    job.function.text = job.function.text.replace(f"job: {job.name}", "job: Wrong")
    return [Expected("Q204", job.by, f"takes a {other.name}, but {job.name} is")]


def a_handler_that_is_a_generator(shop: Shop) -> Found:
    """A yield in it: nothing of it would run."""
    job = shop.random.choice(shop.jobs)
    lines = next(lines for lines in shop.tree.files.values() if job.function in lines)
    lines.insert(lines.index(job.function) + 1, Line("    yield job"))
    return [Expected("Q207", job.by, job.function_name)]


def a_route_to_the_handler_of_another_job(shop: Shop) -> Found:
    """`handler:` names the wrong one of two functions."""
    job, other = shop.random.sample(shop.jobs, 2)
    job.by.text = job.by.text.replace(job.handler, other.handler)
    return [Expected("Q204", job.by, f"takes a {other.name}, but {job.name} is")]


def a_class_that_is_no_job(shop: Shop) -> Found:
    """Its base is lost."""
    job = shop.random.choice(shop.jobs)
    job.declared.text = f"class {job.name}:"
    stay = ("qsup dispatch", "SELECT qsup", '"qsup"')
    for line, sent in sites_of(shop, job):
        if sent.comment is None and not any(word in line.text for word in stay):
            line.sent.remove(sent)
    return [Expected("Q206", job.route, job.name), *lost(shop, [job.name])]


def a_job_with_another_name_in_the_code(shop: Shop) -> Found:
    """Renamed everywhere in the code, and not in queues.yaml."""
    job = shop.random.choice(shop.jobs)
    meant = [(line, sent) for line, sent in sites_of(shop, job) if line in shop.tree.python()]
    for line in shop.tree.python():
        line.text = re.sub(rf"\b{job.name}\b", f"{job.name}2", line.text)
    for _, sent in meant:
        sent.job += "2"
    sites = [
        Expected("Q210", line, f"{job.name}2 |did you mean {job.name}?") for line, sent in meant if not sent.comment
    ]
    comments = [Expected("Q215", sent.comment, f"{job.name}2") for _, sent in meant if sent.comment]
    told = [Expected("Q205", job.route, f"{job.name} |did you mean {job.name}2?"), Expected("Q204", job.by)]
    return [*told, *sites, *comments, *lost(shop, [job.name])]
