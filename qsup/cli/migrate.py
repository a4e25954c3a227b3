"""`qsup migrate`."""

from __future__ import annotations

import click

from qsup.cli.options import config_option, database_option, the_dsn, the_routing


@click.command()
@config_option
@database_option
@click.option("--check", is_flag=True, help="Only say what is missing; exit 1 if anything is.")
@click.option("--show-sql", is_flag=True, help="Print the SQL of what is missing and change nothing.")
def migrate(config: str | None, database: str | None, check: bool, show_sql: bool) -> None:
    """Bring the schema qsup in the database to the version of this qsup."""
    from qsup import connect, store
    from qsup import migrate as migrating

    path, routing = the_routing(config)
    dsn = the_dsn(database, path, routing.database, start=True)
    with connect.open_own(dsn, role="migrate") as conn:
        missing = migrating.pending(conn)
        if show_sql:
            click.echo(migrating.shown(missing), nl=False)
        elif check:
            _say_missing([f"{one.version:04d}_{one.name}" for one in missing])
        else:
            conn.add_notice_handler(lambda notice: click.echo(f"note: {notice.message_primary}", err=True))
            applied = migrating.migrate_connection(conn)
            for one in applied:
                click.echo(f"applied {one.version:04d}_{one.name}")
            version, _ = store.schema_version(conn) or (0, 0)
            click.echo(f"the schema is version {version}" + ("" if applied else ", nothing to do"))


def _say_missing(names: list[str]) -> None:
    if not names:
        click.echo("the schema is up to date")
        return
    click.echo("missing: " + ", ".join(names) + "\nrun `qsup migrate`")
    raise SystemExit(1)
