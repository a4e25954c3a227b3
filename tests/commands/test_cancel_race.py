"""A job is cancelled in the moment in which it ends, with others waiting in its worker's socket: none is hit."""

from __future__ import annotations

import random
import time

import psycopg
import pytest

from tests.commands.solos import QUEUES, Solos
from tests.supervise.rig import Run

ROUNDS = 60
BEHIND = 8
LENGTH = 0.02
"""Seconds that a job behind takes: its worker is in one of them when the kill comes too late for the victim."""


class Race:
    """Rounds of one long job that is told to end and cancelled at once, and short ones behind it."""

    def __init__(self, run: Run, seed: int) -> None:
        self.run, self.chance = run, random.Random(seed)  # noqa: S311  reproducible moments
        self.victims: set[int] = set()
        self.others: dict[int, str] = {}

    @staticmethod
    def prepare(run: Run) -> None:
        """Jobs that take their time."""
        shop = run.project / "shop.py"
        shop.write_text(
            shop.read_text().replace("    while job.until", "    time.sleep(job.seconds)\n    while job.until")
        )

    def play(self) -> None:
        """All rounds; then nothing is left."""
        with psycopg.connect(self.run.dsn, autocommit=True) as conn:
            for number in range(ROUNDS):
                self.round(conn, number)
        self.run.waits_for_jobs_to_end()
        self.run.until(lambda: self.run.rows("SELECT id FROM qsup.commands WHERE done_at IS NULL") == [], "all closed")

    def round(self, conn: psycopg.Connection, number: int) -> None:
        """What `qsup cancel` stores, without the start of a process for each."""
        victim = self.run.dispatch(f"victim{number}", until=f"go{number}")
        self.run.waits_for(f"begin victim{number} ")
        for place in range(BEHIND):
            text = f"other{number}x{place}"
            self.others[self.run.dispatch(text, seconds=LENGTH)] = text
        self.victims.add(victim)
        ahead = self.chance.uniform(-0.01, 0.03)
        if ahead < 0:
            self.run.let_go(f"go{number}")
            time.sleep(-ahead)
        conn.execute(
            "INSERT INTO qsup.commands (who, verb, subject, arguments)"
            " VALUES ('ann', 'cancel', %(job)s::text, jsonb_build_object('job', %(job)s::bigint, 'step', 'run'))",
            {"job": victim},
        )
        conn.execute("NOTIFY qsup_command")
        time.sleep(max(0.0, ahead))
        self.run.let_go(f"go{number}")

    def ends(self) -> dict[str, int]:
        """How the victims ended."""
        return dict(self.run.rows("SELECT result, count(*)::int FROM qsup.commands GROUP BY 1"))

    def harmed(self) -> list[str]:
        """The others that were not run exactly once, to their end."""
        begun = [line.split()[1] for line in self.run.diary("begin other")]
        ended = [line.split()[1] for line in self.run.diary("end other")]
        return [text for text in self.others.values() if begun.count(text) != 1 or ended.count(text) != 1]


def judge(race: Race, seed: int) -> None:
    """Only victims were cancelled, and the race was one: some ended, some were hit."""
    run, ends = race.run, race.ends()
    failed = {job for (job,) in run.rows("SELECT id FROM qsup.failed_jobs")}
    assert failed <= race.victims, f"seed {seed}: {failed - race.victims} are innocent"
    assert race.harmed() == [], f"seed {seed}"
    kinds = {kind for (kind,) in run.rows("SELECT DISTINCT kind FROM qsup.job_events")}
    assert kinds <= {"cancelled", "released"}, f"seed {seed}: {kinds}"
    assert ends.get("cancelled while it ran", 0) > 0, f"seed {seed}: {ends}"
    assert ends.get("it had ended before", 0) > 0, f"seed {seed}: {ends}"
    assert len(failed) == sum(n for result, n in ends.items() if result.startswith("cancelled")), f"seed {seed}: {ends}"


@pytest.mark.parametrize("prefetch", [0, 3])
def test_of_qsup_run(run: Run, prefetch: int) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "prefetch": prefetch}})
    Race.prepare(run)
    run.start()
    seed = random.randrange(10**6)  # noqa: S311  printed, and given by hand to see it again
    race = Race(run, seed)
    race.play()
    judge(race, seed)


def test_of_solo_workers(solos: Solos) -> None:
    Race.prepare(solos)
    solos.worker()
    solos.worker()
    seed = random.randrange(10**6)  # noqa: S311  printed, and given by hand to see it again
    race = Race(solos, seed)
    race.play()
    judge(race, seed)
