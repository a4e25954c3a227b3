"""What a measure is: a name, words for the page, and a run that gives the figures of one round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.arena import Arena
from bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio of two figures, or one figure, that has to be reached."""

    case: str
    who: str
    to: tuple[str, ...] = ()
    """Whose figure it is divided by, the best of them in each round; empty: the figure itself counts."""
    least: float | None = None
    most: float | None = None
    to_case: str = ""
    """The case of the divisor, when it is another one."""

    @property
    def words(self) -> str:
        """`≥ 0.8`"""
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"

    def reached(self, value: float) -> bool:
        """Whether this value does."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Measure:
    """One module of bench.measures."""

    name: str
    title: str
    words: str
    """What is measured and how, for the page."""
    run: Callable[[Arena, int], Iterator[Figure]]
    """The figures of one round, told as they are found."""
    targets: Sequence[Target] = field(default=())
    less_is_better: bool = False
