"""Every kind of mistake, by its name."""

from __future__ import annotations

from collections.abc import Callable

from tests.check.replay import file_mistakes, handler_mistakes, missing_mistakes, site_mistakes
from tests.check.replay.expected import Found
from tests.check.replay.shop import Shop

MODULES = (file_mistakes, handler_mistakes, missing_mistakes, site_mistakes)

KINDS: dict[str, Callable[[Shop], Found]] = {
    name: kind
    for module in MODULES
    for name, kind in vars(module).items()
    if callable(kind) and kind.__module__ == module.__name__ and not name.startswith("_")
}
"""Each is given a project in order, makes its mistake in it, and says what has to be found."""
