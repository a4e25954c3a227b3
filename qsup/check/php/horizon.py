"""config/horizon.php of a Laravel application: which queues Horizon's supervisors listen to, in each environment."""

from __future__ import annotations

from pathlib import Path

from qsup.check.php.laravel import BUILT_IN_QUEUE, Configuration
from qsup.check.php.syntax import ParserMissing
from qsup.check.php.terms import Listed, Unknown, Value, Values, as_text
from qsup.check.scan import shown
from qsup.check.supervisord.horizon import CONNECTION, TIMEOUT, Horizon, Pool

FILE = Path("config", "horizon.php")
USUAL = "production"
"""Laravel's own default of app.env."""
SEVERAL = Unknown("it may be one of several")


def horizon(root: Path) -> Horizon | None:
    """What the file of the application at `root` says.

    None when there is none, it cannot be worked out, or the extra `php` is not installed.
    """
    if not (root / FILE).is_file():
        return None
    try:
        return _read(Configuration(root), shown(root / FILE))
    except ParserMissing:
        return None


def _read(configuration: Configuration, file: str) -> Horizon | None:
    listed = _one(configuration.get("horizon.environments", ()))
    if not isinstance(listed, Listed) or listed.open:
        return None
    defaults = _one(configuration.get("horizon.defaults", (Listed(()),)))
    environments = []
    for name, values in listed.items:
        merged = _replaced(defaults, _one(values))
        environments.append((name, tuple(_pools(configuration, merged, name, file))))
    usual = _one(configuration.get("horizon.env", configuration.get("app.env", (USUAL,))))
    return Horizon(
        file=file, usual=USUAL if isinstance(usual, Unknown) else as_text(usual), environments=tuple(environments)
    )


def _one(values: Values) -> Value:
    return values[0] if len(values) == 1 else SEVERAL


def _replaced(base: Value, over: Value) -> Value:
    """PHP's array_replace_recursive, which also replaces the items of a list by their number."""
    if not (isinstance(base, Listed) and isinstance(over, Listed)):
        return over
    items = dict(base.items)
    for key, values in over.items:
        items[key] = (_replaced(_one(items[key]), _one(values)),) if key in items else values
    return Listed(tuple(items.items()), base.open or over.open)


def _pools(configuration: Configuration, listed: Value, environment: str, file: str) -> list[Pool]:
    if not isinstance(listed, Listed):
        why = listed.why if isinstance(listed, Unknown) else "it is no list of supervisors"
        return [Pool(name=environment, place=f"{file} [{environment}]", why=why)]
    return [_pool(configuration, _one(values), f"{environment}.{name}", file) for name, values in listed.items]


def _pool(configuration: Configuration, options: Value, name: str, file: str) -> Pool:
    said = options if isinstance(options, Listed) else Listed(())
    connection = _said(said, "connection", CONNECTION)
    timeout = _said(said, "timeout", TIMEOUT)
    own = configuration.get(f"queue.connections.{as_text(connection)}.queue", (BUILT_IN_QUEUE,))
    queues, why = _names(_said(said, "queue", None) or _one(own))
    return Pool(
        name=name,
        place=f"{file} [{name}]",
        queues=queues,
        connection=CONNECTION if isinstance(connection, Unknown) else as_text(connection),
        timeout=int(as_text(timeout)) if as_text(timeout).isdecimal() else TIMEOUT,
        why=why,
    )


def _said(options: Listed, key: str, missing: Value) -> Value:
    return _one(options.get(key) or (missing,))


def _names(value: Value) -> tuple[tuple[str, ...], str]:
    """The queues of a list or of a text with commas; else why they are not known."""
    items = [_one(values) for _, values in value.items] if isinstance(value, Listed) else [value]
    lost = next((item.why for item in items if isinstance(item, Unknown)), "")
    if lost or (isinstance(value, Listed) and value.open):
        return (), lost or "something that is not known is spread into its queues"
    return tuple(dict.fromkeys(name for item in items for name in as_text(item).split(",") if name)), ""
