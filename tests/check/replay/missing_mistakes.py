"""Mistakes that leave a name which is not there."""

from __future__ import annotations

import re

from tests.check.replay.expected import Expected, Found, lost, misspelt, pick, sites_of
from tests.check.replay.lines import Line, Sent
from tests.check.replay.shop import Job, Shop

GUARDED = "    from "
"""How an import begins that stands in a try, or in a function."""


def _is_alone(shop: Shop, line: Line) -> bool:
    """Whether no other import of the file may bring the same name."""
    lines = next(lines for lines in shop.tree.files.values() if line in lines)
    name = line.text.rpartition(" ")[2]
    return not any(one.text.endswith((" import *", f" import {name}")) for one in lines if one is not line)


def _gone(shop: Shop, sites: list[tuple[Line, Sent]], told: list[Expected]) -> list[Expected]:
    """The sites are no longer known."""
    names = [sent.job for _, sent in sites]
    for line, sent in sites:
        line.sent.remove(sent)
    return [*told, *lost(shop, names)]


def a_misspelt_class_in_an_import(shop: Shop) -> Found:
    """`from shop.jobs.money import ChargeCadJob`."""
    exports = {job.exported for job in shop.jobs}
    plain = [sent.named for _, sent in shop.tree.sites() if sent.named and sent.named not in exports]
    line = pick(shop, [line for line in plain if not line.text.startswith(GUARDED) and _is_alone(shop, line)])
    if line is None:
        return None
    sites = [(one, sent) for one, sent in shop.tree.sites() if sent.named is line]
    job = sites[0][1].job
    wrong = misspelt(shop, job, [])
    # Under the old name, so that the import is the only mistake.
    name = line.text.rpartition(" ")[2]
    line.text = line.text.partition(" import ")[0] + f" import {wrong} as {name}"
    return _gone(shop, sites, [Expected("Q217", line, f"there is no {wrong} in |did you mean {job}?")])


def _exported(shop: Shop) -> Job | None:
    """A job that some site has from the package, and nobody under that name from elsewhere."""
    used = {sent.named for _, sent in shop.tree.sites()}
    jobs = [job for job in shop.jobs if job.exported in used]
    jobs = [job for job in jobs if all(_is_alone(shop, line) for line in _users(shop, job) if "import" in line.text)]
    return shop.random.choice(jobs) if jobs else None


def a_misspelt_class_in_a_re_export(shop: Shop) -> Found:
    """`from .jobs.money import ChargeCadJob as ChargeCardTask` in the package."""
    job = _exported(shop)
    if job is None:
        return None
    line = job.exported
    wrong = misspelt(shop, job.name, [])
    line.text = line.text.partition(" import ")[0] + f" import {wrong} as {job.public}"
    sites = [(one, sent) for one, sent in shop.tree.sites() if sent.named is line]
    return _gone(shop, sites, [Expected("Q217", line, f"there is no {wrong} in |did you mean {job.name}?")])


def a_re_export_that_is_gone(shop: Shop) -> Found:
    """The package no longer gives the class on: told wherever it is imported from there."""
    job = _exported(shop)
    if job is None:
        return None
    line = job.exported
    shop.tree.files["shop/__init__.py"].remove(line)
    sites = [(one, sent) for one, sent in shop.tree.sites() if sent.named is line]
    words = f"there is no {job.public} in shop"
    return _gone(shop, sites, [Expected("Q217", one, words, sure=False) for one in _users(shop, job)])


def _users(shop: Shop, job: Job) -> list[Line]:
    """The lines that get the class from the package: an import, or `shop2.ChargeCardTask` itself."""
    imports = [line for line in shop.tree.python() if line.text == f"from shop import {job.public}"]
    return imports + [line for line in shop.tree.python() if re.search(rf"\bshop\d+\.{job.public}\b", line.text)]


def a_misspelt_constant_at_the_call(shop: Shop) -> Found:
    """`queue=QUEU3`, `queue=Texts.IMAGE`."""
    meant = []
    for line, sent in shop.tree.sites():
        found = re.search(r"queue=(?:names\.|Texts\.)?([A-Z_]+\d*)\b(?![\"\[.(])", line.text)
        if found and sent.written is not line and len(line.sent) == 1:
            meant.append((line, sent, found[1]))
    if not meant:
        return None
    line, sent, name = shop.random.choice(meant)
    line.text = line.text.replace(f"queue={name}", f"queue={name}X").replace(f".{name}", f".{name}X")
    sent.queue = None
    return [Expected("Q217", line, f"{name}X|did you mean {name}?")]


def a_class_module_that_has_moved(shop: Shop) -> Found:
    """The file has another name, and one import was forgotten: the one of the only site."""
    plain = [(sent.named, sent) for _, sent in shop.tree.sites() if sent.named]
    found = [(line, sent) for line, sent in plain if line.text.startswith("from shop.jobs.")]
    line = pick(shop, [line for line, _ in found if _is_alone(shop, line)])
    if line is None:
        return None
    home = line.text.split()[1]
    line.text = line.text.replace(f"{home} ", f"{home}_2 ")
    sites = [(one, sent) for one, sent in shop.tree.sites() if sent.named is line]
    return _gone(shop, sites, [Expected("Q217", line, f"there is no module {home}_2|did you mean {home}?")])


def a_class_that_is_not_imported(shop: Shop) -> Found:
    """The import is lost."""
    job = shop.random.choice(shop.jobs)
    plain = [line for line, _ in ((sent.named, 0) for _, sent in sites_of(shop, job)) if line]
    line = pick(shop, [line for line in plain if line.text == f"from {job.home} import {job.name}"])
    if line is None:
        return None
    name = next(name for name, lines in shop.tree.files.items() if line in lines)
    if not _is_alone(shop, line):
        return None
    shop.tree.files[name].remove(line)
    sites = [(one, sent) for one, sent in shop.tree.sites() if sent.named is line]
    used = [one for one in shop.tree.files[name] if re.search(rf"(?<![\w.]){job.name}\b", one.text)]
    return _gone(shop, sites, [Expected("Q217", one, f"called {job.name}:", sure=False) for one in used])
