"""Mistakes in queues.yaml."""

from __future__ import annotations

import re

from tests.check.replay.expected import Expected, Found, lost, misspelt, sites_of
from tests.check.replay.lines import Line
from tests.check.replay.shop import Job, Shop


def _without(shop: Shop, queue: str) -> list[Expected]:
    """What has to be said when `queues:` has no such queue."""
    jobs = [Expected("Q101", job.on, f"{job.name} |{queue}") for job in shop.jobs if job.queue == queue]
    along = [line for line in shop.queues.values() if f"workers_of: {queue}}}" in line.text]
    return [*jobs, *(Expected("Q103", line, queue) for line in along)]


def a_misspelt_queue_in_the_file(shop: Shop) -> Found:
    """Under `queues:` only."""
    queue, line = shop.random.choice(list(shop.routed().items()))
    wrong = misspelt(shop, queue, list(shop.queues))
    line.text = line.text.replace(f"{queue}:", f"{wrong}:", 1)
    return [*_without(shop, queue), Expected("Q109", line)]


def a_queue_that_is_gone(shop: Shop) -> Found:
    """Its line is deleted."""
    queue, line = shop.random.choice(list(shop.routed().items()))
    shop.tree.files["queues.yaml"].remove(line)
    del shop.queues[queue]
    return _without(shop, queue)


def a_queue_without_workers(shop: Shop) -> Found:
    """`workers: 0`: what goes there never runs, nor what its workers served along with it."""
    queue, line = shop.random.choice([pair for pair in shop.routed().items() if "workers: 1" in pair[1].text])
    line.text = line.text.replace("workers: 1", "workers: 0")
    silent = [name for name, one in shop.queues.items() if name == queue or f"workers_of: {queue}}}" in one.text]
    return [Expected("Q102", job.on, job.queue) for job in shop.jobs if job.queue in silent]


def a_queue_of_calls_without_workers(shop: Shop) -> Found:
    """`workers: 0` in a queue that only calls name."""
    if shop.side is None:
        return None
    line = shop.queues[shop.side]
    line.text = line.text.replace("workers: 1", "workers: 0")
    calls = [Expected("Q213", one, f"queue {shop.side}") for one, sent in shop.tree.sites() if sent.queue == shop.side]
    return [Expected("Q108", line, shop.side), *calls]


def a_misspelt_queue_of_a_route(shop: Shop) -> Found:
    """`PayJob: {queue: paymnts, …}`."""
    job = shop.random.choice(shop.jobs)
    wrong = misspelt(shop, job.queue, list(shop.queues))
    job.on.text = job.on.text.replace(f"queue: {job.queue}", f"queue: {wrong}")
    alone = [one for one in shop.jobs if one.queue == job.queue] == [job]
    idle = [Expected("Q109", shop.queues[job.queue])] if alone else []
    return [Expected("Q101", job.on, f"{job.name} |{wrong}|did you mean {job.queue}?"), *idle]


def workers_of_a_queue_that_is_not_there(shop: Shop) -> Found:
    """`workers_of: paymnts`."""
    along = [line for line in shop.queues.values() if "workers_of" in line.text]
    if not along:
        return None
    line = shop.random.choice(along)
    queue = line.text.partition("workers_of: ")[2].rstrip("}")
    wrong = misspelt(shop, queue, list(shop.queues))
    line.text = line.text.replace(f"workers_of: {queue}", f"workers_of: {wrong}")
    return [Expected("Q103", line, f"{wrong}|did you mean {queue}?")]


def a_misspelt_setting(shop: Shop) -> Found:
    """`wrkers: 1`."""
    line = shop.random.choice([line for line in shop.routed().values() if "workers: 1" in line.text])
    wrong = misspelt(shop, "workers", ["workers_of"])
    line.text = line.text.replace("workers: 1", f"{wrong}: 1")
    return [Expected("Q010", line, f"{wrong}|did you mean workers?")]


def a_misspelt_route(shop: Shop) -> Found:
    """`PaJob: {…}` in queues.yaml."""
    job = shop.random.choice(shop.jobs)
    wrong = misspelt(shop, job.name, [])
    job.route.text = job.route.text.replace(f"  {job.name}:", f"  {wrong}:", 1)
    here = [Expected(code, job.route, wrong) for code in ("Q205", "Q211")]
    return [*here, Expected("Q204", job.by, wrong), *_refused(shop, job, f"did you mean {wrong}?")]


def _refused(shop: Shop, job: Job, words: str = "") -> list[Expected]:
    """What has to be said of the sites of a job without a route."""
    meant = sites_of(shop, job)
    sites = [Expected("Q210", line, f"{job.name} |{words}") for line, sent in meant if not sent.comment]
    return [*sites, *(Expected("Q215", sent.comment, job.name) for _, sent in meant if sent.comment)]


def a_route_that_is_gone(shop: Shop) -> Found:
    """Its lines are deleted."""
    job = shop.random.choice(shop.jobs)
    shop.tree.files["queues.yaml"] = [
        line for line in shop.tree.files["queues.yaml"] if line not in (job.route, job.on, job.by, job.hook)
    ]
    alone = [one for one in shop.jobs if one.queue == job.queue] == [job]
    return [*_refused(shop, job), *([Expected("Q109", shop.queues[job.queue], sure=False)] if alone else [])]


def a_route_that_nothing_dispatches(shop: Shop) -> Found:
    """A class with a handler and a route, and no call."""
    job = shop.random.choice(shop.jobs)
    code = ("class LonelyJob(qsup.Job):", "    n: int = 0", "def run(job: LonelyJob, ctx):", "    pass")
    shop.tree.files["shop/jobs/base.py"] += [Line(text) for text in code]
    line = Line(f'  LonelyJob: {{queue: {job.queue}, handler: "shop.jobs.base:run"}}')
    lines = shop.tree.files["queues.yaml"]
    lines.insert(lines.index(job.route), line)
    return [Expected("Q211", line, "LonelyJob")]


def code_that_is_not_there(shop: Shop) -> Found:
    """`code: [shop, script]`."""
    shop.code.text = shop.code.text.replace("scripts", "script")
    gone = [sent.job for line in shop.tree.files["scripts/nightly.sh"] for sent in line.sent]
    del shop.tree.files["scripts/nightly.sh"]
    return [Expected("Q209", shop.code, "script,"), *lost(shop, gone)]


def a_route_twice(shop: Shop) -> Found:
    """The same key again further down."""
    job = shop.random.choice(shop.jobs)
    lines = shop.tree.files["queues.yaml"]
    again = Line(f'  {job.name}: {{queue: {job.queue}, handler: "{job.handler}"}}')
    lines.insert(lines.index(shop.code) - 1, again)
    return [Expected("Q008", again, job.name)]


def another_name_for_a_queue_in_the_file(shop: Shop) -> Found:
    """Renamed in the whole of queues.yaml, and the code still says the old one."""
    queue = shop.random.choice(list(shop.queues))
    meant = [line for line, sent in shop.tree.sites() if sent.queue == queue]
    for line in shop.tree.files["queues.yaml"]:
        line.text = re.sub(rf"(?<![\w.-]){re.escape(queue)}(?![\w.-])", f"{queue}-2", line.text)
    return [Expected("Q212", line, f"queue {queue}|did you mean {queue}-2?") for line in meant] or None
