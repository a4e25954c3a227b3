"""What else a worker imports: nothing, or what the hotspot's handlers do. The same for every contestant."""

from __future__ import annotations

import importlib
import os

VARIABLE = "BENCH_IMPORTS"
"""The environment variable with the modules' names, separated by commas."""


def load() -> None:
    """Import them."""
    for name in filter(None, os.environ.get(VARIABLE, "").split(",")):
        importlib.import_module(name)
