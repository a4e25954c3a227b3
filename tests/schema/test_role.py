"""The role qsup_dispatcher, and everybody else: it may dispatch, and nothing else in the schema is anybody's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from tests.schema.rows import declare_world, one

ALLOWED = {"dispatch", "dispatch_many"}
RELATIONS = (
    "SELECT c.oid, c.relname, c.relkind::text FROM pg_class AS c"
    " WHERE c.relnamespace = 'qsup'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') ORDER BY 2"
)

GIVEN_TO_PUBLIC = """
SELECT o.name, a.privilege_type FROM (
    SELECT 'schema', coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE nspname = 'qsup'
    UNION ALL
    SELECT 'table ' || relname,
           coalesce(relacl, acldefault((CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", relowner))
    FROM pg_class WHERE relnamespace = 'qsup'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
    UNION ALL
    SELECT 'function ' || proname, coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc WHERE pronamespace = 'qsup'::regnamespace
) AS o (name, acl), aclexplode(o.acl) AS a WHERE a.grantee = 0 ORDER BY 1, 2
"""


@pytest.fixture
def app(dsn: str, db: Connection[Any]) -> Iterator[Connection[Any]]:
    """A program's connection; its user is a member of qsup_dispatcher and nothing else."""
    declare_world(db)
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    user = sql.Identifier(f"app_{name}")
    db.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE qsup_dispatcher").format(user))
    with Connection.connect(dsn, user=f"app_{name}", autocommit=True) as conn:
        yield conn
    db.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(user))


def test_it_may_dispatch(app: Connection[Any], db: Connection[Any]) -> None:
    first = one(app, "SELECT id FROM qsup.dispatch('Note', '{}')")
    many = one(app, "SELECT qsup.dispatch_many(ARRAY['Note'], ARRAY['{}'::jsonb])")
    assert db.execute("SELECT id FROM qsup.jobs ORDER BY id").fetchall() == [(first,), (many[0],)]


STATEMENTS = {
    "r": ["SELECT * FROM {}", "INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}", "TRUNCATE {}", "LOCK TABLE {}",
          "COPY {} TO STDOUT", "ALTER TABLE {} ADD COLUMN x int", "DROP TABLE {}", "CREATE INDEX ON {} ((1))",
          "CREATE TRIGGER t AFTER INSERT ON {} EXECUTE FUNCTION qsup.roll_history()", "SELECT 1 FROM {} FOR UPDATE"],
    "v": ["SELECT * FROM {}", "DELETE FROM {}", "DROP VIEW {}"],
    "S": ["SELECT nextval({literal})", "SELECT setval({literal}, 1)", "SELECT * FROM {}", "DROP SEQUENCE {}"],
}  # fmt: skip
STATEMENTS["p"] = STATEMENTS["r"]


def test_it_can_do_nothing_to_any_table_view_or_sequence(app: Connection[Any], db: Connection[Any]) -> None:
    relations = db.execute(RELATIONS).fetchall()
    assert {name for _, name, _ in relations} >= {"jobs", "queues", "failed_jobs", "laravel_jobs", "ready_order"}
    for _, name, kind in relations:
        places = {"literal": sql.Literal(f"qsup.{name}")}
        for text in STATEMENTS[kind]:
            statement = sql.SQL(text).format(sql.Identifier("qsup", name), **places)
            # A view over a join cannot be written to by anybody, and PostgreSQL says that first.
            never = psycopg.errors.ObjectNotInPrerequisiteState if text.startswith("DELETE") and kind == "v" else ()
            with pytest.raises((psycopg.errors.InsufficientPrivilege, *([never] if never else []))), app.transaction():
                app.execute(statement)


def test_it_can_update_no_column(app: Connection[Any], db: Connection[Any]) -> None:
    columns = db.execute(
        "SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'qsup'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT attisdropped"
    ).fetchall()
    assert len(columns) > 50
    for table, column in columns:
        statement = sql.SQL("UPDATE {} SET {} = DEFAULT").format(sql.Identifier("qsup", table), sql.Identifier(column))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement)


def test_the_catalog_says_so_too(app: Connection[Any]) -> None:
    held = app.execute(
        "SELECT c.relname, p.name FROM pg_class AS c,"
        " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p (name)"
        " WHERE c.relnamespace = 'qsup'::regnamespace AND c.relkind IN ('r', 'p', 'v')"
        " AND has_any_column_privilege(c.oid, p.name)"
    ).fetchall()
    held += app.execute(
        "SELECT c.relname, p.name FROM pg_class AS c, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS p (name)"
        " WHERE c.relnamespace = 'qsup'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege(c.oid, p.name)"
    ).fetchall()
    assert held == []
    assert one(app, "SELECT has_schema_privilege('qsup', 'USAGE')") is True
    assert one(app, "SELECT has_schema_privilege('qsup', 'CREATE')") is False
    assert one(app, "SELECT has_database_privilege(current_database(), 'CREATE')") is False


def test_it_can_execute_dispatch_and_no_other_function(app: Connection[Any]) -> None:
    functions = dict(
        app.execute(
            "SELECT p.proname, has_function_privilege(p.oid, 'EXECUTE') FROM pg_proc AS p"
            " WHERE p.pronamespace = 'qsup'::regnamespace"
        ).fetchall()
    )
    assert {name for name, may in functions.items() if may} == ALLOWED
    for call in ("nearest('a', '{}')", "refuse_type('a')", "refuse_queue('a')", "roll_history()"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(f"SELECT qsup.{call}".encode())


def test_it_can_make_nothing_in_the_schema_and_give_nothing_away(app: Connection[Any]) -> None:
    for statement in (
        "CREATE TABLE qsup.mine ()",
        "CREATE FUNCTION qsup.now() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION qsup.dispatch(text, jsonb, text, interval, timestamptz, text) RESET search_path",
        "DROP SCHEMA qsup CASCADE",
        "ALTER SCHEMA qsup RENAME TO q",
        "SET ROLE qsup",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement.encode())
    app.add_notice_handler(lambda _: None)
    app.execute("GRANT EXECUTE ON FUNCTION qsup.dispatch(text, jsonb, text, interval, timestamptz, text) TO PUBLIC")
    assert given_to_public(app) == [], "a grant without the right to grant gives nothing"


def given_to_public(conn: Connection[Any]) -> list[tuple[str, str]]:
    """(object, right) of everything in the schema that PUBLIC may do."""
    return conn.execute(GIVEN_TO_PUBLIC).fetchall()


def test_public_was_given_nothing(db: Connection[Any]) -> None:
    assert given_to_public(db) == []
    db.execute("GRANT SELECT ON qsup.jobs TO PUBLIC")
    assert given_to_public(db) == [("table jobs", "SELECT")], "the query sees a grant"


def test_a_stranger_cannot_even_dispatch(dsn: str, db: Connection[Any]) -> None:
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    user = sql.Identifier(f"stranger_{name}")
    db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user))
    with (
        Connection.connect(dsn, user=f"stranger_{name}", autocommit=True) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("SELECT qsup.dispatch('Note', '{}')")
    db.execute(sql.SQL("DROP ROLE {}").format(user))


def test_the_callers_search_path_and_temporary_things_fool_nobody(app: Connection[Any], db: Connection[Any]) -> None:
    db.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    for name, takes, gives in (
        ("jsonb_typeof", "jsonb", "text"),
        ("clock_timestamp", "", "timestamptz"),
        ("now", "", "timestamptz"),
        ("octet_length", "text", "int"),
        ("pg_notify", "text, text", "void"),
        ("text_is_text", "text, text", "boolean"),
    ):
        app.execute(
            f"CREATE FUNCTION public.{name}({takes}) RETURNS {gives} LANGUAGE plpgsql"
            f" AS $$ BEGIN RAISE EXCEPTION 'trapped: {name}'; END $$".encode()
        )
    app.execute("CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.text_is_text)")
    for table in ("jobs", "queues", "job_types", "waiting", "supervisors"):
        app.execute(f"CREATE TEMP TABLE {table} (name text, queue text, type text, payload jsonb)".encode())
    app.execute("SET search_path = pg_temp, public, pg_catalog")
    number = one(app, "SELECT id FROM qsup.dispatch('Note', '{}', unique_key => 'k', delay => '1 hour')")
    many = one(app, "SELECT qsup.dispatch_many(ARRAY['Note'], ARRAY['{}'::jsonb])")
    assert db.execute("SELECT id FROM qsup.jobs ORDER BY id").fetchall() == [(number,), (many[0],)]
    with pytest.raises(psycopg.Error) as refused:
        app.execute("SELECT qsup.dispatch('Nota', '{}')")
    assert refused.value.diag.sqlstate == "QS001"
    assert one(app, "SELECT count(*) FROM pg_temp.jobs") == 0
