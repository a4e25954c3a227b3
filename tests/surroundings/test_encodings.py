"""Databases of another encoding than UTF-8: their texts are texts, and no outcome is lost for its letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

import qsup
from qsup import migrate
from tests.supervise.rig import QUEUES, Run


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def coded(request: pytest.FixtureRequest, empty_dsn: str, project: Path) -> Iterator[Run]:
    """A run on a database of this encoding."""
    name = f"coded_{request.param.lower()}"
    with psycopg.connect(empty_dsn, autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE {name} ENCODING '{request.param}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
        dsn = conninfo.make_conninfo(empty_dsn, dbname=name, hostaddr="")
        migrate.migrate(dsn)
        run = Run(project, dsn)
        yield run
        run.close()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_jobs_run_and_their_errors_are_stored_whatever_letters_they_have(coded: Run) -> None:
    shop = (coded.project / "shop.py").read_text()
    shop += "    if job.how == 'arrow': raise ValueError('caf\\u00e9 \\u2192 nowhere')\n"
    (coded.project / "shop.py").write_text(shop)
    coded.write({**QUEUES, "payments": {**QUEUES["payments"], "tries": 2, "purpose": "paid \u2192 kept"}})
    coded.start()
    coded.dispatch("pay", how="arrow")
    coded.waits_for("begin pay", times=2)
    coded.waits_for_jobs_to_end()
    with psycopg.connect(coded.dsn, autocommit=True, client_encoding="UTF8") as conn:
        failed = conn.execute("SELECT cause, message FROM qsup.failed_jobs").fetchall()
        encoding = conn.info.parameter_status("server_encoding")
    arrow = "\\u2192" if encoding == "LATIN1" else "\u2192"
    assert failed == [("tries", f"caf\u00e9 {arrow} nowhere")]
    assert coded.command("status").returncode == 0
    assert coded.command("apply").returncode == 0
    done = coded.command("dispatch", "Pay", '{"text": "a\u2192b"}')
    if encoding == "LATIN1":
        assert (done.returncode, "PostgreSQL cannot store the payload" in done.stderr) == (1, True), done
    else:
        coded.waits_for("end a\u2192b")
    assert "Traceback" not in coded.output().replace("] Traceback", "")
    assert "Traceback" not in done.stderr


SQL = [path for folder in ("sql", "migrations") for path in (Path(qsup.__file__).parent / folder).glob("*.sql")]


@pytest.mark.parametrize("file", SQL, ids=[path.name for path in SQL])
def test_a_statement_is_ascii_also_in_its_comments_which_the_server_converts_too(file: Path) -> None:
    assert file.read_bytes().isascii()
