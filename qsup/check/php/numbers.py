"""The numbers that a job class says of itself: `$timeout`, `$tries`, `$backoff`, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qsup.check.php.application import Application
from qsup.check.php.classes import Class
from qsup.check.php.syntax import place
from qsup.check.php.terms import Value
from qsup.check.php.values import Spot

if TYPE_CHECKING:
    from tree_sitter import Node

Given = tuple[Value, "Node", Class]
"""A property's value, its declaration, and the class where it stands."""
Limit = tuple[int, Path, int, int]
"""Seconds that a job may run, 0 = without end; where that is written: file, line, column."""


def number(one: Class, name: str, app: Application) -> Given | None:
    """The one value of a property's default, with its place; None when it has none or may have several."""
    found = app.classes.property(one, name)
    value = found[1].child_by_field_name("default_value") if found else None
    if found is None or value is None or app.classes.method(one, name) is not None:
        return None
    values = app.evaluate(value, Spot(found[0].file, found[0], one))
    return (values[0], found[1], found[0]) if len(values) == 1 else None


def own_timeout(one: Class, app: Application) -> Limit | None:
    """How long the class says that its jobs may run; it counts before the --timeout of whatever worker has them."""
    given = number(one, "timeout", app)
    if given is None or not isinstance(given[0], int) or isinstance(given[0], bool):
        return None
    return (given[0], given[2].file.path, *place(given[1]))
