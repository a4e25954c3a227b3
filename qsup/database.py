"""Which database: one rule for every command, and what of a DSN may be shown to people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

from qsup.errors import ConfigUnreadable

EMBEDDED = "embedded"
"""Written instead of a DSN, it asks for the embedded PostgreSQL whatever comes later in the order."""

LIBPQ_VARIABLES = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE")
SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
UNREADABLE = "(a DSN that cannot be read, not shown because it may hold a password)"

_URL = re.compile(r"(?P<scheme>postgres(?:ql)?)(?:\+\w+)?://(?P<rest>.*)", re.DOTALL)
_OTHER_URL = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*)://")
_PAIR = re.compile(r"\s*(?P<key>\w+)\s*=\s*(?P<value>'(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Choice:
    """The database that was chosen, and by what."""

    kind: Literal["dsn", "libpq", "embedded"]
    dsn: str = field(repr=False)
    """Empty for `embedded`, and for `libpq`, which reads its own variables."""
    source: str
    """For people: `--database`, `QSUP_DATABASE_URL`, `database: in queues.yaml`, …"""

    @property
    def shown(self) -> str:
        """The choice for people, without passwords."""
        match self.kind:
            case "embedded":
                return "the embedded PostgreSQL"
            case "libpq":
                return f"the PostgreSQL that {self.source} names"
            case "dsn":
                return shown(self.dsn)


def resolve(flag: str | None, environ: Mapping[str, str], in_file: str | None) -> Choice:
    """The first that is set: --database, QSUP_DATABASE_URL, `database:` of the file, DATABASE_URL, libpq's own
    variables; else the embedded PostgreSQL. Empty counts as not set.

    Raises ConfigUnreadable when the first one is not a DSN of PostgreSQL.
    """
    named = (
        (flag, "--database"),
        (environ.get("QSUP_DATABASE_URL"), "QSUP_DATABASE_URL"),
        (in_file, "database: in queues.yaml"),
        (environ.get("DATABASE_URL"), "DATABASE_URL"),
    )
    for value, source in named:
        if value and value.strip():
            return _chosen(value.strip(), source)
    variable = next((name for name in LIBPQ_VARIABLES if environ.get(name)), None)
    if variable:
        return Choice("libpq", "", variable)
    return Choice("embedded", "", "nothing names another database")


def shown(dsn: str) -> str:
    """A DSN (URL or key=value) for people: every secret removed. What cannot be read is not shown at all."""
    url = _URL.fullmatch(dsn)
    if url:
        return f"{url['scheme']}://{_shown_rest(url['rest'])}"
    pairs = list(_PAIR.finditer(dsn))
    if "".join(pair[0] for pair in pairs).strip() != dsn.strip() or not pairs:
        return UNREADABLE
    return " ".join(pair[0].strip() for pair in pairs if pair["key"].lower() not in SECRETS)


def _chosen(value: str, source: str) -> Choice:
    if value == EMBEDDED:
        return Choice("embedded", "", source)
    url = _URL.fullmatch(value)
    if url:
        # `postgresql+psycopg://`, as SQLAlchemy's users have it, is the same to us.
        return Choice("dsn", f"{url['scheme']}://{url['rest']}", source)
    other = _OTHER_URL.match(value)
    if other or shown(value) == UNREADABLE:
        what = f"is a {other['scheme']} URL" if other else "is not a DSN"
        raise ConfigUnreadable(
            f"{source} {what}; qsup needs PostgreSQL",
            hint="Expected postgresql://user@host/dbname, key=value pairs as libpq takes them, or `embedded`."
            + (" QSUP_DATABASE_URL comes before DATABASE_URL." if source == "DATABASE_URL" else ""),
        )
    return Choice("dsn", value, source)


def _shown_rest(rest: str) -> str:
    user = re.match(r"[^:@/?]*", rest)
    name = user[0] if user else ""
    if rest[len(name) :].startswith(":") and "@" in rest:
        # Up to the last @: an unescaped @, / or ? in a password must not let the rest of it through.
        rest = f"{name}@{rest.rpartition('@')[2]}"
    address, question, query = rest.partition("?")
    kept = [part for part in query.split("&") if unquote(part.partition("=")[0]).lower() not in SECRETS]
    return address + (question if any(kept) else "") + "&".join(kept)
