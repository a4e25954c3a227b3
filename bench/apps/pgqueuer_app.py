"""pgqueuer's workers. Jobs are coroutines; one that takes its time does so in a thread, as its users must."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from pgqueuer import AsyncpgDriver, PgQueuer
from pgqueuer.models import Job

from bench.apps import imports
from bench.apps.mark import mark, mark_and_sleep

imports.load()


@asynccontextmanager
async def main() -> AsyncIterator[PgQueuer]:
    """What `pgq run` asks for."""
    conn = await asyncpg.connect(os.environ["BENCH_URL"])
    queue = PgQueuer(AsyncpgDriver(conn))

    @queue.entrypoint("noop")
    async def noop(job: Job) -> None:
        mark(int(job.payload or b"0"))

    @queue.entrypoint("sleep")
    async def sleep(job: Job) -> None:
        number, seconds = (job.payload or b"0 0").split()
        await asyncio.to_thread(mark_and_sleep, int(number), float(seconds))

    yield queue
    await conn.close()
