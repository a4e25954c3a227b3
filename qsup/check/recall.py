"""Answers that are kept with the questions they came from: used again while every question has the same answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qsup.check.source import Module, Sources


@dataclass(slots=True)
class Recall:
    """What was found out about single modules, in this run or an earlier one."""

    sources: Sources

    def found(self, kind: str, module: Module, given: object, find: Callable[[], Any]) -> Any:
        """What `find` gives, as JSON has it.

        It may depend on the module, on `given`, and on what it asks the sources meanwhile; on nothing else.
        """
        cache = self.sources.skim.cache
        about = [kind, module.digest, module.name, module.package, given]
        key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
        with self.sources.listening():
            kept = cache.look(kind, key)
            if self._holds(kept):
                return kept[2]
        with self.sources.listening() as asked:
            answer = find()
        questions = [list(one) for one in asked]
        # What could not be read may be readable the next time, and has no digest that would tell.
        if module.digest:
            cache.keep(kind, key, [questions, self._answers(questions), answer])
        return answer

    def _holds(self, kept: Any) -> bool:
        try:
            questions, answers, _ = kept
            return bool(self._answers(questions) == answers)
        except (TypeError, ValueError):
            return False

    def _answers(self, questions: list[list[str]]) -> str:
        with self.sources.listening():
            answers = [self.sources.answer((kind, name)) for kind, name in questions]
        return hashlib.sha256(json.dumps(answers).encode()).hexdigest()
