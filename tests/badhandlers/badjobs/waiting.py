"""Bad async handlers."""

# ruff: noqa: ARG001, SIM105  bad on purpose

from __future__ import annotations

import asyncio
import time

import qsup

from .jobs import KEPT, ABad


async def block_the_loop(job: ABad, ctx: qsup.Context) -> None:
    time.sleep(600)


async def leave_tasks(job: ABad, ctx: qsup.Context) -> None:
    KEPT.append(asyncio.create_task(asyncio.sleep(600)))


async def stubborn_task(job: ABad, ctx: qsup.Context) -> None:
    async def stay() -> None:
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                pass

    KEPT.append(asyncio.create_task(stay()))
    await asyncio.sleep(0)


async def group_of_tasks(job: ABad, ctx: qsup.Context) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(block_the_loop(job, ctx))


async def executor_that_hangs(job: ABad, ctx: qsup.Context) -> None:
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)


ASYNC = {
    "blocks the loop": block_the_loop, "leaves tasks": leave_tasks, "has a stubborn task": stubborn_task,
    "has a group of tasks": group_of_tasks, "has an executor that hangs": executor_that_hangs,
}  # fmt: skip
