"""Answers that are kept with the questions they came from: used again while every question has the same answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from qsup.check.source import Module, Sources
from qsup.check.summary import typed

T = TypeVar("T")


@dataclass(slots=True)
class Recall:
    """What was found out about single modules, in this run or an earlier one."""

    sources: Sources

    def found(self, kind: str, module: Module, given: object, find: Callable[[], Any], read: Callable[[Any], T]) -> T:
        """What `find` gives, made by `read` from its values of JSON. `read` raises TypeError or ValueError for others.

        `find` may depend on the module, on `given`, and on what it asks the sources meanwhile; on nothing else.
        """
        cache = self.sources.skim.cache
        about = [kind, module.digest, module.name, module.package, given]
        key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
        try:
            questions, answers, answer = cache.look(kind, key)
            known = read(answer)
            if self._answers(questions) == answers:
                return known
        except (TypeError, ValueError):
            # Nothing is kept, or nothing that qsup wrote.
            pass
        with self.sources.listening() as asked:
            answer = find()
        questions = [list(one) for one in asked]
        # What could not be read may be readable the next time, and has no digest that would tell.
        if module.digest:
            cache.keep(kind, key, [questions, self._answers(questions), answer])
        return read(answer)

    def _answers(self, questions: list[list[str]]) -> str:
        with self.sources.listening():
            answers = [self.sources.answer((typed(str, kind), typed(str, name))) for kind, name in questions]
        return hashlib.sha256(json.dumps(answers).encode()).hexdigest()
