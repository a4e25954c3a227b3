"""The handlers that queues name: the job says how bad they are."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import qsup

from .changing import CHANGES, HARD_CHANGES, changing, import_late
from .contexts import (
    committed_inside,
    error_caught_in_transaction,
    fork_in_transaction,
    keep_context,
    note_key,
    note_row,
    note_settings,
    rolled_back_and_on,
    rolled_back_inside,
    thread_in_transaction,
    transaction_left_open,
    two_transactions,
    use_kept_context,
)
from .hanging import (
    block_and_sleep,
    disguise,
    eat_fast,
    eat_slowly,
    endless_thread,
    fewer_files,
    huge_power,
    in_c,
    leak_all,
    leak_some,
    regex,
    sum_in_c,
    swallow_everything,
    swallow_exceptions,
    swallow_once,
)
from .jobs import ABad, Bad, say
from .printing import print_a_line, print_bits, print_lines, print_rubbish, progress_flood
from .raising import raising
from .starting import (
    child_and_end,
    child_and_exit,
    child_and_hang,
    child_and_raise,
    close_all,
    close_and_reuse,
    daemon_and_end,
    daemon_and_hang,
    fork_and_raise,
    fork_and_return,
    leave_the_group,
    processes,
)
from .waiting import ASYNC


def bad(job: Bad, ctx: qsup.Context) -> None:
    say(job, f"{ctx.job_id} {ctx.attempt} {ctx.crashes} {os.getpid()} {job.how}")
    MISERY[job.how](job, ctx)


async def abad(job: ABad, ctx: qsup.Context) -> None:
    await ASYNC[job.how](job, ctx)


def odd(job: int, ctx: qsup.Context) -> None:
    """Annotated wrongly."""


MISERY: dict[str, Callable[[Bad, qsup.Context], object]] = {
    "blocks the alarm and sleeps": block_and_sleep, "sleeps in C": in_c,
    "sums in C": sum_in_c, "computes a huge power": huge_power,
    "matches for ever": regex, "swallows Exception": swallow_exceptions,
    "swallows BaseException": swallow_everything, "swallows its alarm and returns": swallow_once,
    "raises something else at its alarm": disguise,
    "os._exit(3)": lambda *_: os._exit(3), "os._exit(0)": lambda *_: os._exit(0),
    "kills its worker": lambda *_: os.kill(os.getpid(), signal.SIGKILL),
    "eats memory quickly": eat_fast, "eats memory slowly": eat_slowly, "leaks all descriptors": leak_all,
    "leaks some descriptors": leak_some, "leaks under a lower limit": fewer_files,
    "starts an endless thread": endless_thread, "raises": raising,
    "prints one line": print_a_line, "prints many lines": print_lines, "prints bits of a line": print_bits,
    "writes rubbish": print_rubbish, "starts a child and hangs": child_and_hang,
    "starts a child and ends": child_and_end, "starts children and raises": child_and_raise,
    "starts children and exits": child_and_exit, "starts a daemon and hangs": daemon_and_hang,
    "starts a daemon and ends": daemon_and_end,
    "forks and returns": fork_and_return, "forks and raises": fork_and_raise,
    "forks in a transaction": fork_in_transaction, "starts a process": processes,
    "leaves its process group": leave_the_group, "closes all descriptors": close_all,
    "closes all descriptors and opens others": close_and_reuse, "uses two transactions": two_transactions,
    "leaves its transaction open": transaction_left_open, "catches an error in it": error_caught_in_transaction,
    "rolls back in it": rolled_back_inside, "rolls back in it and goes on": rolled_back_and_on,
    "commits in it": committed_inside, "leaves a thread in its transaction": thread_in_transaction,
    "keeps its context": keep_context, "uses the context that it kept": use_kept_context,
    "imports late": changing(import_late),
    "tells every step": progress_flood,
    "notes its settings": note_settings,
    "notes its key": note_key,
    "notes its row": note_row,
    **{name: changing(what) for name, what in (CHANGES | HARD_CHANGES).items()},
}  # fmt: skip
