"""The page of each problem code: Qnnn.md in this folder, with an example that a test runs.

A page says what the problem means, shows files that give it, and says what to do.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from importlib.resources import files

from qsup.errors import QsupError


class UnknownCode(QsupError):
    """No problem has this code."""


def codes() -> list[str]:
    """Every code that has a page, in order."""
    return sorted(file.name[:-3] for file in files(__name__).iterdir() if file.name.endswith(".md"))


def page(code: str) -> str:
    """The page in Markdown. Raises UnknownCode, with the nearest code as its hint."""
    known = codes()
    wanted = code.strip().upper()
    if wanted not in known:
        raise UnknownCode(f"no problem has the code {code}", hint=f"did you mean {_nearest(wanted, known)}?")
    return files(__name__).joinpath(f"{wanted}.md").read_text(encoding="utf-8")


def title(code: str) -> str:
    """The first line's name of the problem, without the code. Raises UnknownCode."""
    return page(code).partition("\n")[0].partition(": ")[2]


def _nearest(wanted: str, known: list[str]) -> str:
    """The first digits say what a code is about, so what begins alike is nearer than what has the same digits."""
    return max(known, key=lambda code: (_common(wanted, code), SequenceMatcher(None, wanted, code).ratio()))


def _common(one: str, other: str) -> int:
    """How many letters at the beginning are the same."""
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1), len(one))
