"""Mistakes in the code that dispatches."""

from __future__ import annotations

import re

from tests.check.replay.expected import Expected, Found, lost, misspelt, pick, sites_of
from tests.check.replay.lines import Line
from tests.check.replay.shop import Job, Shop


def _misspelt_queue(shop: Shop, written: Line | None) -> Found:
    """The name on the line that some sites have their queue from."""
    if written is None:
        return None
    meant = [(line, sent) for line, sent in shop.tree.sites() if sent.written is written]
    queue = meant[0][1].queue or ""
    part = queue if queue in written.text else queue[: len(queue) // 2]
    wrong = misspelt(shop, part, [])
    while wrong + queue[len(part) :] in shop.queues:
        wrong = misspelt(shop, part, [])
    written.text = re.sub(rf"(?<![\w.-]){re.escape(part)}(?![\w.-])", wrong, written.text)
    name = f"queue {wrong}{queue[len(part) :]}"
    return [Expected("Q212", line, f"{name}|did you mean {queue}?") for line, _ in meant]


def a_misspelt_queue_at_the_call(shop: Shop) -> Found:
    """`queue="paymnts"`."""
    here = [line for line, sent in shop.tree.sites() if sent.written is line and "dispatch_many" not in line.text]
    return _misspelt_queue(shop, pick(shop, here))


def a_misspelt_queue_of_many(shop: Shop) -> Found:
    """The same in dispatch_many."""
    here = [sent.written for line, sent in shop.tree.sites() if sent.written and "dispatch_many" in line.text]
    return _misspelt_queue(shop, pick(shop, here))


def a_misspelt_queue_in_a_constant(shop: Shop) -> Found:
    """A constant of the module, of a class, of self, of an enum, of another module, that changed."""
    there = [sent.written for line, sent in shop.tree.sites() if sent.written and sent.written is not line]
    return _misspelt_queue(shop, pick(shop, there))


def a_site_that_is_gone(shop: Shop) -> Found:
    """The only script line that dispatched a job."""
    lines = [line for line in shop.tree.files["scripts/nightly.sh"] if line.sent]
    lonely = [line for line in lines if len(sites_of(shop, shop.job(line.sent[0].job))) == 1]
    if not lonely:
        return None
    line = shop.random.choice(lonely)
    shop.tree.files["scripts/nightly.sh"].remove(line)
    return lost(shop, [line.sent[0].job])


def _another_class(shop: Shop, of: list[tuple[Job, Line]]) -> Found:
    """`line` brings another class under the name of the job's."""
    lonely = [(job, line) for job, line in of if all(sent.named is line for _, sent in sites_of(shop, job))]
    if not lonely:
        return None
    job, line = shop.random.choice(lonely)
    other = shop.random.choice([one for one in shop.jobs if one is not job])
    start = line.text[: len(line.text) - len(line.text.lstrip())]
    name = line.text.rpartition(" ")[2]
    line.text = f"{start}from {other.home} import {other.name} as {name}"
    for _, sent in sites_of(shop, job):
        sent.job = other.name
    return lost(shop, [job.name])


def an_import_of_another_job(shop: Shop) -> Found:
    """`from shop.jobs import SyncRouter as Kind` where ChargeCardJob was meant."""
    exports = {job.exported for job in shop.jobs}
    named = {
        sent.named: shop.job(sent.job) for _, sent in shop.tree.sites() if sent.named not in exports and sent.named
    }
    return _another_class(shop, [(job, line) for line, job in named.items()])


def a_re_export_of_another_job(shop: Shop) -> Found:
    """The package gives another class under the name."""
    used = {sent.named for _, sent in shop.tree.sites()}
    return _another_class(shop, [(job, job.exported) for job in shop.jobs if job.exported in used])


def a_silencer_that_silences_nothing(shop: Shop) -> Found:
    """A comment on a call that is clear without it."""
    clear = [line for line, sent in shop.tree.sites() if line in shop.tree.python() and not sent.comment]
    line = pick(shop, [line for line in clear if line.text.count("(") == line.text.count(")")])
    if line is None:
        return None
    line.text += f"  # qsup: dispatches {line.sent[0].job}"
    return [Expected("Q214", line)]


def a_silencer_of_a_job_that_is_not_there(shop: Shop) -> Found:
    """The name in the comment is misspelt."""
    said = [(sent.comment, line, sent) for line, sent in shop.tree.sites() if sent.comment]
    if not said:
        return None
    comment, line, sent = shop.random.choice(said)
    wrong = misspelt(shop, sent.job, [])
    comment.text = comment.text.replace(sent.job, wrong)
    line.sent.remove(sent)
    return [Expected("Q215", comment, f"{wrong},|did you mean {sent.job}?"), *lost(shop, [sent.job])]


def a_silencer_that_is_not_understood(shop: Shop) -> Found:
    """`# qsup: dispatch ChargeCardJob`."""
    said = [(sent.comment, line, sent) for line, sent in shop.tree.sites() if sent.comment]
    if not said:
        return None
    comment, line, sent = shop.random.choice(said)
    comment.text = comment.text.replace("dispatches", shop.random.choice(["dispatch", "dispatchs", "ignore"]))
    line.sent.remove(sent)
    return [Expected("Q216", comment), *lost(shop, [sent.job])]


def a_misspelt_job_in_a_text(shop: Shop) -> Found:
    """In SQL, in a command line, in a shell script."""
    words = ("qsup dispatch", "SELECT qsup", '"qsup"')
    meant = [(line, sent) for line, sent in shop.tree.sites() if any(word in line.text for word in words)]
    if not meant:
        return None
    line, sent = shop.random.choice(meant)
    wrong = misspelt(shop, sent.job, [])
    line.text = line.text.replace(sent.job, wrong)
    before, sent.job = sent.job, wrong
    return [Expected("Q210", line, f"{wrong} |did you mean {before}?"), *lost(shop, [before])]


def a_file_that_is_not_python(shop: Shop) -> Found:
    """A bracket is lost."""
    name = shop.random.choice(["shop/desk/till.py", "shop/desk/late.py", "shop/counter.py"])
    line = Line("print((1)")
    gone = [sent.job for one in shop.tree.files[name] for sent in one.sent]
    shop.tree.files[name] = [line]
    return [Expected("Q208", line), *lost(shop, gone)]
