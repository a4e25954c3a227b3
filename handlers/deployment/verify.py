"""Whether what is on a router is what must be there, read back from it. Pure: rows in, sentences out."""

from __future__ import annotations

from collections.abc import Collection

from handlers.deployment.blueprint import Check, Wanted
from handlers.deployment.plan import Plan, Seen, shown
from handlers.router_values import differences


def problems(wanted: Wanted, seen: Seen, left: Plan) -> list[str]:
    """What is not as it must be; `left` is the plan for what was read. Surplus rows do not count."""
    going = {(surplus.path, surplus.id) for surplus in left.surplus}
    found = [refusal.text for refusal in left.refusals]
    found += [f"after all writes, this is still to do: {write}" for write in left.writes]
    for check in wanted.checks:
        found += _failures(check, seen, going)
    return found


def _failures(check: Check, seen: Seen, going: Collection[tuple[str, str]]) -> list[str]:
    rows = [
        row
        for row in seen[check.path]
        if not differences(row, check.where) and (check.path, row.get(".id")) not in going
    ]
    what = f"{check.path} {shown(check.where)}"
    if not rows or (check.count is not None and len(rows) != check.count):
        return [f"{what}: {len(rows)} rows, expected {check.count or 'one'}"]
    return [
        f"{what}: expected {shown(wrong)}, read {shown({name: row.get(name, 'nothing') for name in wrong})}"
        for row in rows
        if (wrong := differences(row, check.expect))
    ]
