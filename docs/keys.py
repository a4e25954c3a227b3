"""Writes the tables of docs/reference/queues-yaml.md from the models: `python docs/keys.py`, or `make docs`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pydantic import BaseModel

from qsup import keys

PAGE = Path(__file__).parent / "reference" / "queues-yaml.md"
TABLES: dict[str, type[BaseModel]] = {
    "file": keys.Document,
    "settings": keys.Settings,
    "queue": keys.QueueEntry,
    "job": keys.JobEntry,
}
LATER = {"file": keys.LATER, "queue": keys.LATER_IN_QUEUE, "job": keys.LATER_IN_JOB}
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with its tables as the models are now."""
    return MARKED.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[3]}", text)


def table(name: str) -> str:
    """One table; `later` is that of the keys that are not allowed yet."""
    if name == "later":
        rows = [(key, where, why) for where, group in LATER.items() for key, why in group.items()]
        return lines(
            "| key | of | what it will say |", [f"| `{key}` | a {where} | {why} |" for key, where, why in rows]
        )
    shown = [key for key in TABLES[name].model_fields if name != "queue" or key not in keys.Settings.model_fields]
    if name == "settings":
        return lines("| key | built in | |", [f"| `{key}` | `{built_in(key)}` | {said(name, key)} |" for key in shown])
    return lines("| key | | |", [f"| `{key}` | {needed(name, key)} | {said(name, key)} |" for key in shown])


def lines(heading: str, rows: list[str]) -> str:
    """A Markdown table."""
    rule = "|---" * (heading.count("|") - 1) + "|"
    return "\n".join([heading, rule, *rows, ""])


def said(name: str, key: str) -> str:
    """The key's description."""
    return (TABLES[name].model_fields[key].description or "").replace("|", "\\|")


def needed(name: str, key: str) -> str:
    """Whether the key may be left out."""
    return "required" if TABLES[name].model_fields[key].is_required() else ""


def built_in(key: str) -> str:
    """The built-in value as one would write it."""
    value = keys.BUILT_IN[key]
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")


if __name__ == "__main__":
    main()
