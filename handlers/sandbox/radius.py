"""A real FreeRADIUS with the configuration that we ship, and radclient as the router that asks it: tests and demo."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from handlers import freeradius

SECRET = "shared-by-all-routers"  # noqa: S105  of this sandbox
READY = "Ready to process requests"
ROLE = Path(freeradius.__file__).parent / "role.sql"
LIBRARIES = [Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib")]
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def missing() -> str:
    """Why FreeRADIUS cannot be started here; empty when it can."""
    needed = ["freeradius", "radclient"]
    lacking = [name for name in needed if shutil.which(name, path=PATH) is None]
    if not any(any(folder.glob("*/rlm_sql_postgresql.so")) for folder in LIBRARIES):
        lacking.append("rlm_sql_postgresql")
    hint = "apt-get install freeradius freeradius-postgresql freeradius-utils"
    return f"{' and '.join(lacking)} not found: {hint}" if lacking else ""


class RadiusFailed(Exception):
    """FreeRADIUS or radclient did not do what it should; the message holds what it said."""


@dataclass(frozen=True)
class Reply:
    """What came back: `Access-Accept` and so on, empty for no answer; the attributes by name."""

    code: str
    attributes: dict[str, str] = field(default_factory=dict)


class Daemon:
    """`freeradius -f` on a folder of configuration; ends with the block."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder, self.log = folder, folder / "radius.log"
        self._env = {**os.environ, "PATH": PATH, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait for the line that says so. Raises RadiusFailed."""
        self.log.unlink(missing_ok=True)
        command = ["freeradius", "-f", "-d", str(self.folder)]
        self._process = subprocess.Popen(  # noqa: S603  fixed words
            command, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.wait_for(READY)

    def hang_up(self) -> None:
        """SIGHUP: read the secret again; waits until it has. Raises RadiusFailed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)
        self.wait_for("Loaded virtual server")

    def wait_for(self, line: str, seconds: float = 15.0) -> None:
        """Wait for a line in the log. Raises RadiusFailed."""
        deadline = time.monotonic() + seconds
        while line not in self.said():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                output = self.stop()
                raise RadiusFailed(f"FreeRADIUS did not say {line!r}:\n{output[-3000:]}\n{self.said()[-3000:]}")
            time.sleep(0.02)

    def said(self) -> str:
        """The log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self) -> str:
        """End it; what it said that is not in the log."""
        process, self._process = self._process, None
        if process is None:
            return ""
        process.terminate()
        try:
            output = process.communicate(timeout=10)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            output = process.communicate()[0]
        return output.decode(errors="replace")


class Radius:
    """FreeRADIUS on a database: `with Radius(dsn) as radius: radius.login(name, password)`.

    It reaches PostgreSQL by a link to its socket, so that `cut()` can take the database away from it alone. It lives in
    Nairobi, where UTC is three hours wrong.
    """

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        # The name of a socket may have 107 bytes: no long temporary folder.
        self.folder = Path(tempfile.mkdtemp(prefix="qsup-radius-", dir="/tmp"))
        self.auth_port, self.acct_port = free_udp_port(), free_udp_port()
        parts = conninfo_to_dict(dsn)
        self._socket = Path(str(parts["host"])) / f".s.PGSQL.{parts['port']}"
        self._link = self.folder / self._socket.name
        self.place = freeradius.Place(
            secret=SECRET,
            database=make_conninfo(dbname=parts["dbname"], user="radius", host=str(self.folder), port=parts["port"]),
            address="127.0.0.1",
            auth_port=self.auth_port,
            acct_port=self.acct_port,
            reject_delay=0,
            client_lifetime=1,
        )
        self.daemon = Daemon(self.folder / "raddb", TZ="Africa/Nairobi")

    def __enter__(self) -> Self:
        try:
            with psycopg.connect(self.dsn, autocommit=True) as db:
                db.execute(ROLE.read_bytes())
                # As in a database that thinks in local time.
                db.execute("ALTER ROLE radius SET timezone = 'Africa/Nairobi'")
            self.join()
            freeradius.write(self.daemon.folder, self.place)
            self.daemon.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.daemon.stop()
        shutil.rmtree(self.folder)

    def join(self) -> None:
        """The database can be reached."""
        self._link.symlink_to(self._socket)

    def cut(self) -> None:
        """The database cannot be reached any more, and connections that there were are gone."""
        self._link.unlink()
        with psycopg.connect(self.dsn, autocommit=True) as db:
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'radius'")

    def login(self, name: str, password: str, *, chap: bool = False, mac: str = "AA:00", **more: str) -> Reply:
        """A customer logs in at a router."""
        how = {"CHAP-Password" if chap else "User-Password": password}
        return self.ask(self.auth_port, "auth", {"User-Name": name, **how, "Calling-Station-Id": mac, **_dashed(more)})

    def account(self, status: str, name: str = "", session: str = "80a00001", /, **more: str | int) -> Reply:
        """A router reports of a session: `account("Stop", name, acct_session_time=60)`."""
        about = {"User-Name": name, "Acct-Session-Id": session} if name else {}
        return self.ask(self.acct_port, "acct", {"Acct-Status-Type": status, **about, **_dashed(more)})

    def ask(self, port: int, kind: str, attributes: dict[str, str], *, raw: str = "", secret: str = SECRET) -> Reply:
        """Send one packet once and wait a second for the answer; `raw` attributes are sent without quotes."""
        words = [*(f'{name}="{value}"' for name, value in attributes.items()), *([raw] if raw else [])]
        return radclient(port, kind, ",".join(words), secret)


def radclient(port: int, kind: str, text: str, secret: str = SECRET) -> Reply:
    """One packet to a server on this machine. Raises RadiusFailed."""
    command = ["radclient", "-x", "-r", "1", "-t", "1", f"127.0.0.1:{port}", kind, secret]
    done = subprocess.run(  # noqa: S603  fixed words
        command, input=text, capture_output=True, text=True, env={**os.environ, "PATH": PATH}, check=False, timeout=20
    )
    head = re.search(r"^Received ([\w-]+) Id", done.stdout, re.MULTILINE)
    if head is None:
        if "No reply" not in done.stderr + done.stdout:
            raise RadiusFailed(f"radclient: {done.stderr}{done.stdout}")
        return Reply("")
    found = re.findall(r"^\t([\w-]+) = \"?(.*?)\"?$", done.stdout[head.end() :], re.MULTILINE)
    return Reply(head[1], dict(found))


def free_udp_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _dashed(more: dict[str, str] | dict[str, str | int]) -> dict[str, str]:
    """acct_session_time → Acct-Session-Time."""
    special = {"Ip": "IP", "Nas": "NAS"}
    return {
        "-".join(special.get(part.title(), part.title()) for part in name.split("_")): str(value)
        for name, value in more.items()
    }
