"""Which rows of a router a deployment has to see: one print for each menu, asked for by key and by our comments.

A busy router has address lists of a hundred thousand rows; what is not ours and not in our way is not fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handlers.deployment.blueprint import Wanted
from handlers.router_values import SETS

Match = dict[str, str]


def questions(wanted: Wanted) -> dict[str, list[str]]:
    """Menu → query words; no words mean every row."""
    asked: dict[str, list[Match]] = {}
    for command in wanted.commands:
        asked.setdefault(command.path, []).extend(_of(command.key, command.item, command.attrs))
    for clash in wanted.clashes:
        asked.setdefault(clash.path, []).append(dict(clash.where))
    for check in wanted.checks:
        asked.setdefault(check.path, []).append(dict(check.where))
    return {path: words(matches) for path, matches in asked.items()}


def words(matches: Sequence[Mapping[str, str]]) -> list[str]:
    """A query that any of the matches passes; in each, all columns must be equal."""
    terms = list(dict.fromkeys(tuple(_asked(match)) for match in matches))
    if not terms or () in terms:
        return []
    query = [word for term in terms for word in [*term, *["?#&"] * (len(term) - 1)]]
    return query + ["?#|"] * (len(terms) - 1)


def _of(key: Sequence[str], item: Mapping[str, str], attrs: Mapping[str, str]) -> list[Match]:
    if not key:
        return [dict(item)]
    by_comment = [{"comment": attrs["comment"]}] if "comment" in attrs else []
    return [{name: attrs[name] for name in key}, *by_comment]


def _asked(match: Mapping[str, str]) -> list[str]:
    # The router compares texts, and writes some lists in an order of its own: those are compared by us.
    return [f"?{name}={value}" for name, value in match.items() if name not in SETS]
