"""`python -m handlers.freeradius DIR`: write FreeRADIUS's configuration. Secrets come from the environment only."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click
import psycopg

from handlers.freeradius import Place, write
from handlers.settings import SettingMissing, own_radius_secrets, radius_settings, secret_of


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--address", default="*", show_default=True, help="Where it listens.")
@click.option("--auth-port", default=1812, show_default=True)
@click.option("--acct-port", default=1813, show_default=True)
@click.option("--network", default="0.0.0.0/0", show_default=True, help="Routers outside of it are not looked up.")
@click.option(
    "--logs", type=click.Path(file_okay=False, path_type=Path), help="Folder of radius.log. [default: FOLDER]"
)
@click.option(
    "--run", type=click.Path(file_okay=False, path_type=Path), help="Folder of the pid file. [default: FOLDER]"
)
@click.option("--owner", help="Account that is to own the files, such as freerad (as root).")
def main(folder: Path, owner: str | None, **options: Any) -> None:
    """Write FreeRADIUS's configuration to FOLDER.

    RADIUS_SECRET(_FILE) and RADIUS_DATABASE_URL(_FILE) are read from the environment, and if they are there
    RADIUS_INTERIM and the secrets of single routers, ROUTER_NAME_RADIUS_SECRET(_FILE).
    """
    try:
        settings = radius_settings()
        database = secret_of("RADIUS_DATABASE_URL")
        own, interim = own_radius_secrets(), int(settings.interim)
        place = Place(secret=settings.secret, own_secrets=own, database=database, interim=interim, **options)
        files = write(folder, place)
        if owner:
            for path in [folder, *files]:
                shutil.chown(path, owner, owner)
    except psycopg.ProgrammingError:
        _refuse("RADIUS_DATABASE_URL is no address of a database: expected postgresql://USER:PASSWORD@HOST/DATABASE")
    except (SettingMissing, OSError, LookupError) as error:
        _refuse(str(error))
    click.echo("\n".join(str(path) for path in files))


def _refuse(reason: str) -> None:
    click.echo(f"FreeRADIUS's configuration was not written: {reason}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
