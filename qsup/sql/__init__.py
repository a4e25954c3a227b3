"""The statements, one to a file: `text("promote")` is the content of promote.sql.

What a job must meet to be claimed is written once, in claim_and_record.sql, on lines that end in `-- condition: NAME`.
A statement that asks the same of a job says `{claim:NAME}` in that place, with the same aliases: `j` for the row of
qsup.jobs, `q` for its queue. So what says why a job is not claimed cannot drift from what claims it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
CLAIM = "claim_and_record"
CONDITION = re.compile(rb"^ *AND (.+) -- condition: (\w+)$", re.MULTILINE)
ASKED = re.compile(rb"\{claim:(\w+)\}")


@cache
def text(name: str) -> bytes:
    """The statement, as psycopg takes it. Raises KeyError when it asks for a condition that the claim has not."""
    found = (FOLDER / f"{name}.sql").read_bytes()
    return ASKED.sub(lambda asked: conditions()[asked[1].decode()], found) if ASKED.search(found) else found


@cache
def conditions() -> Mapping[str, bytes]:
    """What the claim asks of a job, by name, in its own words."""
    return {name.decode(): condition for condition, name in CONDITION.findall((FOLDER / f"{CLAIM}.sql").read_bytes())}


def names() -> list[str]:
    """All statements there are."""
    return sorted(path.stem for path in FOLDER.glob("*.sql"))
