"""The table of who may import whom: a module imports its own row or below. docs/explanation/architecture.md tells why.

A name that ends in `.*` stands for everything in that package that has no line of its own. To add a module, add its
name to the row of what it does: 0 words, 1 the file, 2 decisions without any input or output, 3 one kind of input and
output each, 4 whole processes, 5 the commands.
"""

from __future__ import annotations

ROWS: dict[int, str] = {
    5: """
        qsup.__main__ qsup.cli.*
    """,
    4: """
        qsup.worker qsup.birth qsup.rehearsal qsup.attempt qsup.template qsup.solo qsup.solo_child qsup.solo_orders
        qsup.ownfiles qsup.dispatching qsup.courier.* qsup.ordering qsup.retrying
        qsup.supervise.supervisor qsup.supervise.hands qsup.supervise.orders qsup.supervise.__main__
        qsup.supervise.forked
    """,
    3: """
        qsup.store qsup.prepared qsup.orderbook qsup.migrate qsup.migrations.* qsup.sql.* qsup.declare qsup.transaction
        qsup.connect qsup.embedded.* qsup.channel qsup.board qsup.rundir qsup.slots qsup.perform qsup.payload
        qsup.report qsup.survey qsup.lines qsup.starter qsup.aim qsup.lease_end qsup.reading qsup.complaints qsup.title
        qsup.setsignal
        qsup.frames qsup.operating qsup.failed qsup.story qsup.follow qsup.pages
        qsup.why.ask qsup.why.here
        qsup.check.load qsup.check.stranding qsup.check.source
        qsup.check.skimmer qsup.check.cache qsup.check.skim qsup.check.recall
        qsup.check.python.* qsup.check.php.* qsup.check.handlers qsup.check.sites qsup.check.scan
        qsup.check.producers qsup.check.supervisord.files qsup.check.supervisord.survey
        qsup.reaper qsup.restore qsup.wake qsup.waiting qsup.forksafety qsup.forking
        qsup.supervise.launcher qsup.supervise.ahead qsup.supervise.watch qsup.supervise.crew
        qsup.supervise.liaison qsup.supervise.say qsup.supervise.signals qsup.supervise.statefile qsup.supervise.adopt
        qsup.supervise.edits qsup.supervise.footing qsup.supervise.database
    """,
    2: """
        qsup.supervise.* qsup.check.* qsup.importer.* qsup.generate.* qsup.graph.* qsup.schema qsup.outbox
        qsup.why.*
        qsup.courier.ports qsup.courier.desk qsup.courier.serve qsup.courier.handout qsup.courier.record
        qsup.courier.claims qsup.courier.peers qsup.courier.pace qsup.courier.deaths qsup.courier.rescue
    """,
    1: """
        qsup.config qsup.locate qsup.database qsup.places qsup.routing qsup.units qsup.values qsup.keys qsup.faults
        qsup.literals
    """,
    0: """
        qsup qsup.errors qsup.job qsup.outcome qsup.messages qsup.orders qsup.rows qsup.version qsup.storable
        qsup.check qsup.check.problem
    """,
}

UPWARD = {
    ("qsup", "qsup.dispatching"): "the public face binds dispatching at its first call",
}
"""Imports inside a function that may go up, each with its reason."""

DRIVER = """
    qsup.store qsup.orderbook qsup.ordering qsup.migrate qsup.declare qsup.connect qsup.embedded.* qsup.courier.*
    qsup.solo qsup.transaction qsup.dispatching qsup.survey qsup.check.stranding qsup.complaints qsup.operating
    qsup.failed qsup.retrying qsup.story qsup.follow qsup.why.ask qsup.prepared
"""
"""Only these import psycopg."""

FAR_FROM_THE_DATABASE = """
    qsup.supervise.* qsup.template qsup.messages qsup.channel qsup.board qsup.rundir
"""
"""Importing one of these loads, by whatever way, none of `DATABASE`."""
DATABASE = """
    psycopg.* qsup.store qsup.prepared qsup.migrate qsup.courier.* handlers.*
"""

PURE = 2
"""Rows 0 to PURE know no clock, process, file, socket, random, database."""
IMPURE = """
    asyncio concurrent datetime fcntl glob io mmap multiprocessing os pathlib psycopg psycopg_pool pwd random resource
    secrets select selectors shutil signal socket sqlite3 subprocess sys tempfile threading time uuid watchfiles
"""
PURE_ENOUGH = {
    ("qsup.job", "datetime"): "types of parameters; nothing asks for the time",
    ("qsup.courier.deaths", "signal"): "the names of signals",
    ("qsup.locate", "os"): "find() asks whether the file is there",
    ("qsup.locate", "pathlib"): "find() asks whether the file is there; reading it is qsup.check.load's",
    ("qsup.why.facts", "datetime"): "the type of what the database told; nothing asks for the time",
    ("qsup.why.words", "datetime"): "the type of what the database told; nothing asks for the time",
}
"""Impure libraries of which a pure module uses only something pure, each with its reason."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


def row(module: str) -> int | None:
    """The row of a module; None when it is not in the table."""
    for number, names in ROWS.items():
        if module in names.split():
            return number
    packages = [(name[:-2], number) for number, names in ROWS.items() for name in names.split() if name.endswith(".*")]
    inside = [(len(package), number) for package, number in packages if belongs(module, package)]
    return max(inside)[1] if inside else None


def belongs(module: str, package: str) -> bool:
    """Whether it is the package or lies in it."""
    return module == package or module.startswith(f"{package}.")


def among(module: str, names: str) -> bool:
    """Whether one of the names, or `package.*`, stands for the module."""
    return any(belongs(module, name[:-2]) if name.endswith(".*") else module == name for name in names.split())
