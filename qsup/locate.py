"""Where queues.yaml is looked for. Apart from `config`, which loads pydantic: most commands only need its place."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import isfile
from pathlib import Path

from qsup.errors import ConfigUnreadable

PLACES = ("queues.yaml", "config/queues.yaml", "/etc/qsup/queues.yaml")


def find(flag: str | Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The file to use: `flag` (--config), QSUP_CONFIG, else the first that exists of `PLACES`, seen from `cwd`.

    A file that was named is returned whether it exists or not. Raises ConfigUnreadable, naming the places looked at.
    """
    named = flag or environ.get("QSUP_CONFIG")
    if named:
        return Path(named)
    for place in PLACES:
        if isfile(cwd / place):
            return Path(place) if cwd == Path.cwd() else cwd / place
    raise ConfigUnreadable(
        f"no queues.yaml found; looked at {', '.join(str(cwd / place) for place in PLACES)}",
        hint="name one with --config FILE or QSUP_CONFIG, or run `qsup init` to write one",
    )
