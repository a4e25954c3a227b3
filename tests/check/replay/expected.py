"""What validate has to say of a mistake, and what the kinds of mistakes have in common."""

from __future__ import annotations

from dataclasses import dataclass

from tests.check.replay.lines import Line, Sent
from tests.check.replay.shop import Job, Shop


@dataclass(frozen=True, slots=True)
class Expected:
    """One finding: its code, the line it names, and words that are in it."""

    code: str
    line: Line
    words: str = ""
    """Parts of the message, with `|` between them."""
    sure: bool = True
    """False: another finding of the same mistake may stand for it."""


Found = list[Expected] | None
"""What is expected; None when this project gives no occasion for the mistake."""


def misspelt(shop: Shop, name: str, others: list[str]) -> str:
    """The name with a letter lost, doubled, exchanged with the next or in the other case; none of the others."""
    while True:
        at = shop.random.randrange(1, len(name) - 1)
        found = shop.random.choice(
            [
                name[:at] + name[at + 1 :],
                name[:at] + name[at] + name[at:],
                name[:at] + name[at + 1] + name[at] + name[at + 2 :],
                name[:at] + name[at].swapcase() + name[at + 1 :],
            ]
        )
        if found not in (name, *others) and found[-1].isalnum():
            return found


def sites_of(shop: Shop, job: Job) -> list[tuple[Line, Sent]]:
    """Where the job is dispatched."""
    return [(line, sent) for line, sent in shop.tree.sites() if sent.job == job.name]


def lost(shop: Shop, before: list[str]) -> list[Expected]:
    """The notes on jobs of `before` that nothing dispatches any more."""
    left = {sent.job for _, sent in shop.tree.sites()}
    return [Expected("Q211", shop.job(name).route, name) for name in dict.fromkeys(before) if name not in left]


def pick(shop: Shop, of: list[Line]) -> Line | None:
    """One of the lines, when there are any."""
    found = list(dict.fromkeys(of))
    return shop.random.choice(found) if found else None
