"""How each contestant puts jobs in, by its own documented way; each library is imported by its own producer only.

one(i)          a no-op job, durably stored when it returns
many(numbers)   several in one call
slow(i, s)      a job that takes s seconds
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any


class Producer(ABC):
    """A connection of its own to the store."""

    @abstractmethod
    def one(self, number: int) -> None:
        """Put in a job that does nothing."""

    def many(self, numbers: Sequence[int]) -> None:
        """Put in many at once."""
        raise NotImplementedError(f"{type(self).__name__} has no way to put in many at once")

    def slow(self, number: int, seconds: float) -> None:
        """Put in a job that takes its time."""
        raise NotImplementedError


def payload(number: int) -> str:
    """A job's payload where no library writes it."""
    return f'{{"i": {number}}}'


class Bare(Producer):
    """One INSERT, one commit; `notify` tells a listener in the same statement."""

    INSERT = "INSERT INTO jobs (payload) VALUES (%s::jsonb)"
    NOTIFY = """
    WITH stored AS (INSERT INTO jobs (payload) VALUES (%s::jsonb) RETURNING id)
    SELECT pg_notify('jobs', '') FROM stored
    """
    MANY = "INSERT INTO jobs (payload) SELECT unnest(%s::jsonb[])"

    def __init__(self, *, notify: bool = False) -> None:
        import psycopg

        self.conn = psycopg.connect(os.environ["BENCH_DSN"], autocommit=True, prepare_threshold=0)
        self.statement = self.NOTIFY if notify else self.INSERT

    def one(self, number: int) -> None:
        """INSERT."""
        self.conn.execute(self.statement, [payload(number)])

    def many(self, numbers: Sequence[int]) -> None:
        """INSERT … SELECT unnest()."""
        self.conn.execute(self.MANY, [[payload(number) for number in numbers]])


class Notifying(Bare):
    """The same with a NOTIFY for each."""

    def __init__(self) -> None:
        super().__init__(notify=True)


class Closed(Bare):
    """The same into qsup's own table, past its functions: foreign keys, CHECKs and four indexes, and nothing else."""

    INSERT = "INSERT INTO qsup.jobs (queue, type, payload) VALUES ('queue0', 'Mark', %s::jsonb)"
    MANY = "INSERT INTO qsup.jobs (queue, type, payload) SELECT 'queue0', 'Mark', unnest(%s::jsonb[])"


class Qsup(Producer):
    """`Job.dispatch()`, as the how-to shows."""

    def __init__(self) -> None:
        import qsup
        from bench.apps.qsup_jobs import Mark, Sleep

        self.mark, self.sleep, self.dispatch_many = Mark, Sleep, qsup.dispatch_many

    def one(self, number: int) -> None:
        """Through this process's own connection."""
        self.mark(i=number).dispatch()

    def many(self, numbers: Sequence[int]) -> None:
        """dispatch_many()."""
        self.dispatch_many([self.mark(i=number) for number in numbers])

    def slow(self, number: int, seconds: float) -> None:
        """The other class."""
        self.sleep(i=number, seconds=seconds).dispatch()


class QsupSql(Producer):
    """qsup's SQL function over a connection of one's own, as any language can call it."""

    ONE = "SELECT id FROM qsup.dispatch('Mark', %s::jsonb)"
    MANY = (
        "SELECT qsup.dispatch_many(array_fill('Mark'::text, ARRAY[cardinality(%(many)s::jsonb[])]), %(many)s::jsonb[])"
    )

    def __init__(self) -> None:
        import psycopg

        self.conn = psycopg.connect(os.environ["BENCH_DSN"], autocommit=True, prepare_threshold=0)

    def one(self, number: int) -> None:
        """SELECT qsup.dispatch(…)."""
        self.conn.execute(self.ONE, [payload(number)])

    def many(self, numbers: Sequence[int]) -> None:
        """SELECT qsup.dispatch_many(…)."""
        self.conn.execute(self.MANY, {"many": [payload(number) for number in numbers]})


class QsupUnique(QsupSql):
    """The same with a unique key for each job."""

    ONE = "SELECT id FROM qsup.dispatch('Mark', %s::jsonb, unique_key => %s)"

    def one(self, number: int) -> None:
        """SELECT qsup.dispatch(…, unique_key)."""
        self.conn.execute(self.ONE, [payload(number), f"{os.getpid()}-{number}"])


class Procrastinate(Producer):
    """defer() and batch_defer() of its synchronous connector."""

    def __init__(self) -> None:
        import procrastinate

        self.app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=os.environ["BENCH_DSN"]))
        self.app.open()
        self.noop = self.app.configure_task(name="noop", queue="default")

    def one(self, number: int) -> None:
        """defer()."""
        self.noop.defer(i=number)

    def many(self, numbers: Sequence[int]) -> None:
        """batch_defer()."""
        self.noop.batch_defer(*[{"i": number} for number in numbers])

    def slow(self, number: int, seconds: float) -> None:
        """The other task."""
        self.app.configure_task(name="sleep", queue="default").defer(i=number, seconds=seconds)


class Pgqueuer(Producer):
    """enqueue() over asyncpg."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.queries: Any = self.loop.run_until_complete(self._queries())

    async def _queries(self) -> Any:
        import asyncpg
        from pgqueuer import AsyncpgDriver, Queries

        return Queries(AsyncpgDriver(await asyncpg.connect(os.environ["BENCH_URL"])))

    def one(self, number: int) -> None:
        """enqueue()."""
        self.loop.run_until_complete(self.queries.enqueue("noop", str(number).encode()))

    def many(self, numbers: Sequence[int]) -> None:
        """enqueue() with lists."""
        names, payloads = ["noop"] * len(numbers), [str(number).encode() for number in numbers]
        self.loop.run_until_complete(self.queries.enqueue(names, payloads, [0] * len(numbers)))

    def slow(self, number: int, seconds: float) -> None:
        """The other entry point."""
        self.loop.run_until_complete(self.queries.enqueue("sleep", f"{number} {seconds}".encode()))


class Huey(Producer):
    """Calling the task."""

    def __init__(self) -> None:
        from bench.apps import huey_app

        self.app = huey_app

    def one(self, number: int) -> None:
        """A call."""
        self.app.noop(number)

    def slow(self, number: int, seconds: float) -> None:
        """The other task."""
        self.app.sleep(number, seconds)


class Celery(Producer):
    """Calling delay() of the task."""

    def __init__(self) -> None:
        from bench.apps import celery_app

        self.app = celery_app

    def one(self, number: int) -> None:
        """delay()."""
        self.app.noop.delay(number)

    def slow(self, number: int, seconds: float) -> None:
        """The other task."""
        self.app.sleep.delay(number, seconds)


class Dramatiq(Producer):
    """send() of the actor."""

    def __init__(self) -> None:
        from bench.apps import dramatiq_app

        self.app = dramatiq_app

    def one(self, number: int) -> None:
        """send()."""
        self.app.noop.send(number)

    def slow(self, number: int, seconds: float) -> None:
        """The other actor."""
        self.app.sleep.send(number, seconds)


class Rq(Producer):
    """enqueue() and enqueue_many()."""

    def __init__(self) -> None:
        import redis
        import rq

        self.queue = rq.Queue(connection=redis.Redis.from_url(os.environ["BENCH_REDIS"]))

    def one(self, number: int) -> None:
        """enqueue()."""
        self.queue.enqueue("bench.apps.rq_app.noop", number)

    def many(self, numbers: Sequence[int]) -> None:
        """enqueue_many()."""
        self.queue.enqueue_many([self.queue.prepare_data("bench.apps.rq_app.noop", (number,)) for number in numbers])

    def slow(self, number: int, seconds: float) -> None:
        """The other function, with the time that it needs."""
        self.queue.enqueue("bench.apps.rq_app.sleep", number, seconds, job_timeout=3600)


PRODUCERS: dict[str, type[Producer]] = {
    "bare": Bare, "notifying": Notifying, "closed": Closed,
    "qsup": Qsup, "qsup-sql": QsupSql, "qsup-unique": QsupUnique,
    "procrastinate": Procrastinate, "pgqueuer": Pgqueuer, "huey": Huey,
    "celery": Celery, "dramatiq": Dramatiq, "rq": Rq,
}  # fmt: skip
