"""Which problem makes which node and edge red. Nothing is judged here: what is red is what `qsup validate` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qsup.check.problem import Problem
from qsup.graph.model import Sent

OF_THE_JOB = ("Q210", "Q215")
"""The job itself has no route, wherever it is sent."""
OF_THE_ROUTE = ("Q101", "Q102")
"""The job's queue by `jobs:`, which the problem does not name in a field of its own."""


@dataclass(frozen=True, slots=True)
class Blame:
    """The problems that say that nobody hears."""

    problems: tuple[Problem, ...]

    def job(self, job: str) -> tuple[str, ...]:
        """Why nobody would run this job on any queue."""
        return tuple(str(one) for one in self.problems if one.code in OF_THE_JOB and one.job == job)

    def route(self, job: str) -> tuple[str, ...]:
        """Why nobody would run it on the queue that `jobs:` gives it."""
        return tuple(str(one) for one in self.problems if one.code in OF_THE_ROUTE and one.job == job)

    def queue(self, queue: str) -> tuple[str, ...]:
        """Why nobody listens to this queue."""
        return tuple(str(one) for one in self.problems if one.queue == queue)

    def sent(self, sent: Sent) -> tuple[str, ...]:
        """Why nobody would run what this place dispatches."""
        return tuple(str(one) for one in self._at(sent))

    def _at(self, sent: Sent) -> Iterator[Problem]:
        for one in self.problems:
            here = (one.path, one.line, one.column) in (sent.place, sent.written)
            if here and one.queue in (None, sent.queue) and one.job in (None, sent.job):
                yield one
