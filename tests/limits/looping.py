"""A run whose jobs can also end their worker, eat memory, and say when they began."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.supervise.rig import SHOP, Run

ALSO = """
    with open("times", "a") as times:
        times.write(f"{time.monotonic()} {ctx.slot} {os.getpid()} {job.text}\\n")
    if job.how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.how == "exit":
        os._exit(0)
    if job.how == "eat":
        KEPT.append(b"x" * 30_000_000)
    time.sleep(job.seconds)
"""
MANY = """
SELECT unnest(qsup.dispatch_many(
    array_fill('Pay'::text, ARRAY[%s::int]), array_fill(%s::jsonb, ARRAY[%s::int]), queue => %s))
"""


class Looping(Run):
    """Its jobs can be put on any queue."""

    def code(self, version: str) -> None:
        shop = SHOP.replace("VERSION", version).replace("class Pay", "KEPT = []\n\n\nclass Pay")
        (self.project / "shop.py").write_text(
            shop.replace("    if job.how == ", f"{ALSO.rstrip()}\n    if job.how == ", 1)
        )

    def put(self, queue: str, how: str = "", count: int = 1, **payload: Any) -> list[int]:
        """Dispatch so many at once."""
        body = json.dumps({"text": queue, "how": how, **payload})
        return [number for (number,) in self.window.does(MANY, (count, body, count, queue))]

    def begins(self, queue: str) -> list[tuple[float, str, int]]:
        """When each job of the queue began, in which slot, in which process."""
        file = self.project / "times"
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return [(float(one[0]), one[1], int(one[2])) for one in lines if one[1].startswith(f"{queue}:")]

    def left(self, queue: str) -> int:
        """Jobs of the queue that are not ended."""
        counts = dict(self.rows("SELECT queue, count(*)::int FROM qsup.jobs GROUP BY queue"))
        return int(counts.get(queue, 0))

    def passes(self, seconds: float) -> None:
        """Let time pass; what is asserted after it holds however slow the machine is."""
        time.sleep(seconds)
