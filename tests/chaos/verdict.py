"""What must hold when the accidents are over. Pure: facts in, sentences about what is wrong out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.chaos.ledger import Counts
from tests.chaos.orders import Order
from tests.chaos.project import WORKERS

RUN_FILES = {
    "run.lock", "slots.lock", "courier.lock", "database.lock", "courier.sock", "board", "state.json", "state.json.new",
}  # fmt: skip
ONCE = re.compile(r"qsup:(courier|house|lookout):[0-9a-f]{12}")
SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was found."""

    orders: Sequence[Order]
    counts: Counts
    mourned: set[int]
    overlaps: Sequence[str]
    again: Sequence[str]
    connections: Counter[str]
    zombies: Sequence[str]
    leftovers: Sequence[str]
    run_files: Iterable[str]
    ends: Sequence[str]
    exit_code: int | None


def violations(facts: Facts) -> list[str]:
    """One sentence for each rule that was broken."""
    checks = (
        *_jobs(facts),
        *_effects(facts),
        *_processes(facts),
        listed("connections that nobody should have", wrong_connections(facts.connections)),
        listed("files in the run directory that should not be there", sorted(set(facts.run_files) - RUN_FILES)),
    )
    return [sentence for sentence in checks if sentence]


def _jobs(facts: Facts) -> Iterable[str]:
    must_fail = {order.n for order in facts.orders if order.fails}
    failed = set(facts.counts.failed)
    yield listed("jobs that did not end", facts.counts.left)
    yield listed("orders that failed and should not have", sorted(failed - must_fail))
    yield listed("orders that should have failed and did not", sorted(must_fail - failed))
    yield listed("orders twice in failed_jobs", doubled(facts.counts.failed))
    hooked = {order.n for order in facts.orders if order.job == "Doomed"}
    yield listed("orders whose failed hook was not run", sorted(hooked - facts.mourned))
    yield listed("failed hooks of jobs that did not fail", sorted(facts.mourned - hooked))
    yield listed("two live runs of one job", facts.overlaps)
    yield listed("finished jobs that were run again", facts.again)


def _effects(facts: Facts) -> Iterable[str]:
    exactly = {order.n for order in facts.orders if not order.fails and not order.noted}
    noted = {order.n for order in facts.orders if order.noted}
    effects = facts.counts.effects
    yield listed("orders without their effect (lost jobs)", sorted(exactly - set(effects)))
    yield listed("orders whose ctx.transaction() effect happened more than once", doubled(effects))
    yield listed("effects of transactions that were rolled back", sorted(set(effects) - exactly))
    yield listed("orders without their at-least-once effect", sorted(noted - set(facts.counts.notes)))


def _processes(facts: Facts) -> Iterable[str]:
    yield listed("zombies", facts.zombies)
    yield listed("processes that outlived the end of `qsup run`", facts.leftovers)
    yield listed("supervisors that ended by themselves", facts.ends)
    yield "" if facts.exit_code == 0 else f"`qsup run` ended with {facts.exit_code} after TERM, expected 0"


def wrong_connections(found: Counter[str]) -> list[str]:
    """Each of the courier's two once, its house perhaps, at the most one for each slot, none of anybody else."""
    slots = {f"qsup:worker:{queue}:{number}" for queue, count in WORKERS.items() for number in range(count)}
    kinds = Counter(match[1] for name in found if (match := ONCE.fullmatch(name)) for _ in range(found[name]))
    wrong = [f"{kind}: {kinds[kind]}, expected 1" for kind in ("courier", "lookout") if kinds[kind] != 1]
    wrong += [f"house: {kinds['house']}, expected at most 1"] if kinds["house"] > 1 else []
    wrong += [f"{name}: {count}" for name, count in found.items() if not ONCE.fullmatch(name) and name not in slots]
    return wrong + [f"{name}: {found[name]}, expected at most 1" for name in slots if found[name] > 1]


def doubled(counter: Counter[int]) -> list[str]:
    """Those that were counted more than once."""
    return [f"{n} ({count} times)" for n, count in sorted(counter.items()) if count > 1]


def listed(what: str, found: Sequence[object]) -> str:
    """`3 what: a, b, c`; empty when nothing was found."""
    if not found:
        return ""
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{len(found)} {what}: {'; '.join(map(str, found[:SHOWN]))}{more}"
