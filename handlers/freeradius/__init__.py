"""A FreeRADIUS configuration for the hotspot's database: `python -m handlers.freeradius DIR`.

radiusd.conf and queries.conf are copied as they are; what differs from place to place goes to three files that nobody
else may read (0600): local.conf, secret.conf and pgpass.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from handlers.settings import SettingMissing

HERE = Path(__file__).parent
SHIPPED = ("radiusd.conf", "queries.conf")
SECRET = re.compile(r"[A-Za-z0-9._~+/=@:!#^*-]{8,64}")
"""What neither FreeRADIUS's files nor RouterOS give a meaning to. `openssl rand -hex 24` makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One FreeRADIUS: where it listens, whom it answers (a network), where it logs. Times in seconds.

    `own_secrets`: `ROUTER_NAME` → secret, of routers that do not share the common one.
    """

    secret: str = field(repr=False)
    own_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    database: str = field(repr=False)
    address: str = "*"
    auth_port: int = 1812
    acct_port: int = 1813
    network: str = "0.0.0.0/0"
    interim: int = 300
    reject_delay: float = 1
    client_lifetime: int = 60
    logs: Path | None = None
    run: Path | None = None


def write(folder: Path, place: Place) -> list[Path]:
    """Make or renew the configuration in `folder`; returns its files. Raises SettingMissing, OSError.

    A running FreeRADIUS takes a new secret at SIGHUP, everything else when it is restarted.
    """
    for name, secret in {"": place.secret, **place.own_secrets}.items():
        if SECRET.fullmatch(secret) is None:
            setting = f"{name}_RADIUS_SECRET" if name else "RADIUS_SECRET"
            raise SettingMissing(f"{setting}: expected 8 to 64 of A-Z a-z 0-9 . _ ~ + / = @ : ! # ^ * -")
    # FreeRADIUS changes no folder before it reads its files, and includes by absolute names.
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in SHIPPED:
        shutil.copyfile(HERE / name, folder / name)
    _write_private(folder / "pgpass", _pgpass(place.database))
    _write_private(folder / "secret.conf", _secrets(place))
    _write_private(folder / "local.conf", _local(folder, place))
    return sorted(path for path in folder.iterdir() if path.is_file())


def _secrets(place: Place) -> str:
    """In FreeRADIUS's language, which Tmp-String-0 tells the router's setting."""
    give = "update control {{\n    &FreeRADIUS-Client-Secret := '{}'\n}}\n".format
    own = [f"if (&control:Tmp-String-0 == '{name}') {{\n{give(one)}}}\n" for name, one in place.own_secrets.items()]
    return "".join([give(place.secret), *own])


def _local(folder: Path, place: Place) -> str:
    values = {
        "address": place.address,
        "auth_port": place.auth_port,
        "acct_port": place.acct_port,
        "network": place.network,
        "interim": place.interim,
        "reject_delay": place.reject_delay,
        "client_lifetime": place.client_lifetime,
        "database": _quoted(_conninfo(folder, place.database)),
    }
    lines = "".join(f"    {name} = {value}\n" for name, value in values.items())
    places = {"raddbdir": folder, "logdir": place.logs or folder, "run_dir": place.run or folder}
    heads = "".join(f"{name} = {_quoted(str(path))}\n" for name, path in places.items())
    return f"{heads}qsup {{\n{lines}}}\n"


def _conninfo(folder: Path, dsn: str) -> str:
    """libpq's key=value form, without the password: that stands in pgpass."""
    parts: dict[str, Any] = {name: value for name, value in conninfo_to_dict(dsn).items() if value not in (None, "")}
    parts.pop("password", None)
    return make_conninfo("", **{**parts, "passfile": str(folder / "pgpass")})


def _pgpass(dsn: str) -> str:
    password = conninfo_to_dict(dsn).get("password")
    escaped = re.sub(r"([\\:])", r"\\\1", str(password)) if password else ""
    return f"*:*:*:*:{escaped}\n" if password else ""


def _quoted(text: str) -> str:
    if "${" in text or "\n" in text:
        raise SettingMissing("RADIUS_DATABASE_URL or the folder holds ${ or a line break, which FreeRADIUS cannot read")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_private(path: Path, text: str) -> None:
    """0600 from the first byte on, also where an older file of that name was readable."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
