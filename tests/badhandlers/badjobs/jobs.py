"""The jobs of bad handlers: each says how it is to misbehave."""

from __future__ import annotations

from typing import Any

import qsup

KEPT: list[Any] = []


class Bad(qsup.Job):
    how: str
    path: str
    text: str = ""


class ABad(Bad):
    pass


class Look(qsup.Job):
    path: str


class Odd(Bad):
    pass


def say(job: Bad, text: object) -> None:
    with open(job.path, "a") as file:
        file.write(f"{text}\n")
