"""The handlers of a chaos run: copied into its project as shop.py, where each job does what its order says.

Effects are rows in the project's own tables. A byte of the file `running` is locked while a job runs, so that a second
live run of the same job is seen (and noted in the file `overlaps`) by whoever comes later; a run of a job that a living
worker has finished is noted in the file `again`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import qsup

EFFECT = b"INSERT INTO public.effects (n, job, claim) VALUES (%s, %s, %s)"
NOTE = b"INSERT INTO public.notes (n, job, claim) VALUES (%s, %s, %s)"


class Order(qsup.Job):
    """What every job of a run is told."""

    n: int
    does: str = ""
    child: int = 0
    """The number of the order that this one dispatches in its transaction."""


class Quick(Order):
    """Takes a few milliseconds."""


class Common(Order):
    """Does all kinds of things."""


class Tight(Order):
    """Has a short time limit."""


class Slow(Order):
    """Takes a second."""


class Doomed(Order):
    """Ends in failed_jobs, with a failed hook."""


class Poison(Order):
    """Kills its worker every time."""


def quick(job: Quick, ctx: qsup.Context) -> None:
    """Handler."""
    serve(job, ctx)


def common(job: Common, ctx: qsup.Context) -> None:
    """Handler."""
    serve(job, ctx)


def tight(job: Tight, ctx: qsup.Context) -> None:
    """Handler."""
    serve(job, ctx)


def slow(job: Slow, ctx: qsup.Context) -> None:
    """Handler."""
    serve(job, ctx)


def doomed(job: Doomed, ctx: qsup.Context) -> None:
    """Handler."""
    serve(job, ctx)


def poison(job: Poison, ctx: qsup.Context) -> None:
    """Handler."""
    serve(job, ctx)


def mourn(job: Doomed, ctx: qsup.Context) -> None:
    """The failed hook: a line in a file, because it must work without a database."""
    write_line("mourned", f"{job.n} {ctx.error[:40]!r}")


def serve(job: Order, ctx: qsup.Context) -> None:
    """Do what the order says; most of it happens before, in or after the one transaction."""
    with alone(job.n, ctx):
        before(job, ctx)
        if job.does.endswith("note"):
            with ctx.connect() as conn:
                conn.execute(NOTE, (job.n, ctx.job_id, ctx.claim_number))
            time.sleep({"note": 0.0, "long note": 0.3}.get(job.does, 3.0))
            finish(job.n)
            return
        if job.does == "async":
            asyncio.run(effect_async(job, ctx))
            return
        with ctx.transaction() as conn:
            conn.execute(EFFECT, (job.n, ctx.job_id, ctx.claim_number))
            inside(job, ctx, conn)
        after(job)


def before(job: Order, ctx: qsup.Context) -> None:
    """What happens before the transaction."""
    match job.does:
        case "nap":
            time.sleep(0.005 + job.n % 40 / 1000)
        case "second":
            time.sleep(1.0)
        case "three seconds":
            # Long enough to be found running by the next courier, template and supervisor.
            time.sleep(3.0)
        case "raise" if ctx.attempt == 1:
            raise ValueError(f"order {job.n} fails once")
        case "retry" if ctx.attempt == 1:
            raise qsup.Retry("later", after=0.2)
        case "exit" if ctx.crashes == 0:
            os._exit(3)
        case "kill" if ctx.crashes == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang" if ctx.attempt == 1:
            time.sleep(60)
        case "stop" if ctx.attempt == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        case "fork":
            grandchild(job.n, 2.0)
        case "fork and die" if ctx.crashes == 0:
            grandchild(job.n, 60.0)
            os._exit(4)
        case "stray" if os.fork() == 0:
            raise ValueError("the child of a handler comes back from it")
        case "progress":
            ctx.progress(50.0, "half")
        case "discard":
            raise qsup.Discard("nobody wants it")
        case "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        case _:
            pass


def inside(job: Order, ctx: qsup.Context, conn: Any) -> None:
    """What happens between the effect and COMMIT."""
    match job.does:
        case "child":
            Common(n=job.child, does="nap").dispatch(conn)
        case "kill inside" if ctx.crashes == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        case "linger":
            time.sleep(0.3)
        case "doom":
            raise ValueError(f"order {job.n} always fails")
        case _:
            pass


def after(job: Order) -> None:
    """What happens when the job is done already."""
    match job.does:
        case "raise after":
            raise ValueError(f"order {job.n} fails after its COMMIT")
        case "exit after":
            os._exit(5)
        case _:
            pass


async def effect_async(job: Order, ctx: qsup.Context) -> None:
    """The effect over asyncio."""
    async with ctx.transaction() as conn:
        await conn.execute(EFFECT, (job.n, ctx.job_id, ctx.claim_number))


def grandchild(n: int, seconds: float) -> None:
    """A process that holds the lock of `n` in the folder `forked` as long as it lives."""
    if os.fork() == 0:
        try:
            descriptor = os.open(f"forked/{n}", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(seconds)
        finally:
            os._exit(0)


_locks: dict[int, int] = {}


@contextmanager
def alone(n: int, ctx: qsup.Context) -> Iterator[None]:
    """Hold byte n of `running`; the kernel lets it go when this process dies."""
    pid = os.getpid()
    if pid not in _locks:
        _locks[pid] = os.open("running", os.O_RDWR | os.O_CREAT, 0o600)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    try:
        fcntl.lockf(_locks[pid], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, n)
    except OSError:
        write_line("overlaps", f"order {n}, job {ctx.job_id}, claim {ctx.claim_number}: another run of it is alive")
    if ctx.crashes and survivor(n):
        write_line("overlaps", f"order {n}, job {ctx.job_id}, claim {ctx.claim_number}: its old grandchild is alive")
    if worker := finisher(n):
        # A worker keeps its outcome until it is stored: only its death may cost another run.
        write_line("again", f"order {n}, job {ctx.job_id}, claim {ctx.claim_number}: finished by {worker}, which lives")
    try:
        yield
    finally:
        fcntl.lockf(_locks[pid], fcntl.LOCK_UN, 1, n)


def finish(n: int) -> None:
    """Note that a run came to its end, and in which worker."""
    with open(f"finished/{n}", "w") as file:
        file.write(str(os.getpid()))


def finisher(n: int) -> int:
    """The worker in which an earlier run of `n` came to its end, if it lives; 0 otherwise."""
    try:
        with open(f"finished/{n}") as file:
            pid = int(file.read() or "0")
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pid


def survivor(n: int) -> bool:
    """Whether a grandchild of an earlier run still lives."""
    try:
        descriptor = os.open(f"forked/{n}", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_line(name: str, line: str) -> None:
    """Append a line to a file, in one write."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)
