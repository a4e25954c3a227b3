"""Reading a router: rows with the wanted columns only, counts, and values as what they mean.

librouteros makes an int of every reply that looks like one, and a bool of yes, no, true and false, also where it was
text: a router called `12` has an int for a name. What is text is made text again, what is a number is made one or None.
"""

from __future__ import annotations

from handlers.router import Router, Row
from handlers.router_values import seconds

LONGEST_TEXT = 200


class RouterReader(Router):
    """A conversation that only reads. Its calls raise what handlers.router_errors.ROUTER_ERRORS names."""

    def read(self, menu: str, *columns: str) -> list[Row]:
        """Every row of a menu, dynamic ones too, with these columns; a column that it does not have is missing."""
        return self._command(f"{menu}/print", f"=.proplist={','.join(columns)}")

    def first(self, menu: str, *columns: str) -> Row:
        """The row of a menu that has one; empty when none of the columns is there."""
        return next(iter(self.read(menu, *columns)), {})

    def count(self, menu: str) -> int:
        """How many rows a menu has, without fetching them."""
        found = [whole_number(row.get("ret")) for row in self._command(f"{menu}/print", "=count-only=")]
        if len(found) != 1 or found[0] is None or found[0] < 0:
            raise ValueError(f"{menu}: the router did not say how many rows there are")
        return found[0]


def text(value: object) -> str | None:
    """What was text before it was cast; None when it is missing. `yes` cannot be told from `true` any more."""
    if value is None:
        return None
    word = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    # PostgreSQL stores no NUL in a text.
    return word.replace("\0", "")[:LONGEST_TEXT]


def whole_number(value: object) -> int | None:
    """A number; None when it is missing or none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    digits = str(value)
    return int(digits) if digits.isascii() and digits.removeprefix("-").isdigit() and len(digits) < 19 else None


def span(value: object) -> int | None:
    """A duration in seconds; RouterOS writes `1d2h3m4s`. None when it is missing or none."""
    plain = whole_number(value)
    return plain if plain is not None else seconds(text(value) or "")


def switch(value: object) -> bool | None:
    """Yes or no; None when it is missing or neither."""
    return {"true": True, "yes": True, "false": False, "no": False}.get(text(value) or "")
