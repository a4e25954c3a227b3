"""`python -m qsup.supervise --config FILE`: what `qsup run` becomes. It runs no handler and asks no database."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from qsup.board import boottime
from qsup.database import Choice, resolve
from qsup.errors import ConfigUnreadable, QsupError
from qsup.rundir import RunDirectory, run_directory
from qsup.supervise import ahead
from qsup.supervise.adopt import end_old_courier, take_over
from qsup.supervise.crew import Crew
from qsup.supervise.edits import Answer, desired_of, findings_of, problems_of, read_now
from qsup.supervise.forked import dismiss, fork_first
from qsup.supervise.launcher import Process, Reading, told
from qsup.supervise.model import Desired
from qsup.supervise.say import Voice, welcome
from qsup.supervise.statefile import lock_run
from qsup.supervise.supervisor import ANEW, Project, Start, Supervisor


def main(arguments: list[str]) -> int:
    """Run until stopped; the exit code. `--strict` refuses a file with warnings."""
    file = Path(arguments[arguments.index("--config") + 1])
    begun = ahead.take_over(os.environ)
    try:
        strict, allow_orphans = "--strict" in arguments, "--allow-orphans" in arguments
        code = prepared(file, begun, strict=strict, allow_orphans=allow_orphans).serve()
    except QsupError as error:
        print(f"qsup: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        # Before the loop catches signals nothing has been started.
        return 130
    if code == ANEW:
        # Children and their channels stay behind; everything else begins as after the death of a supervisor.
        os.execv(sys.executable, [sys.executable, "-m", "qsup.supervise", *arguments])  # noqa: S606  no shell
    return code


def prepared(file: Path, begun: Reading | None, *, strict: bool, allow_orphans: bool = False) -> Supervisor:
    """Take the project and read its file. Raises QsupError, also for what the system does not give."""
    spare: dict[str, Process] = {}
    try:
        run = run_directory(file) if file.exists() else None
        if run is not None:
            # Before anything else is opened.
            spare |= fork_first(told(run, file.absolute()), [begun.output] if begun else [])
        return _prepared(file, run, begun, spare, strict=strict, allow_orphans=allow_orphans)
    except BaseException as error:
        dismiss(spare.values())
        if begun is not None:
            ahead.dismiss(begun)
        if isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename else ""
            raise QsupError(f"cannot start: {where}{error.strerror or error}") from None
        raise


def _prepared(
    file: Path, run: RunDirectory | None, begun: Reading | None, spare: Mapping[str, Process], *, strict: bool,
    allow_orphans: bool,
) -> Supervisor:  # fmt: skip
    lock = None if run is None else lock_run(run)
    voice = Voice()
    answer, rest = read_now(file, boottime(), whole=strict, begun=begun)
    first = _first(answer, voice, strict=strict)
    if run is None or lock is None:
        raise ConfigUnreadable(f"{file} has just been removed")
    choice = resolve(None, os.environ, first.routing.database)
    voice.say(welcome(file.absolute(), _told(choice, run), first.routing))
    left = end_old_courier(run)
    if left:
        voice.say(f"an earlier supervisor left a courier behind (pid {left}); ended")
    board, occupied = take_over(run)
    project = Project(
        config_file=file, run=run, board=board, lock=lock, embedded=choice.kind == "embedded", dsn=choice.dsn,
        allow_orphans=allow_orphans,
    )  # fmt: skip
    return Supervisor(project, Crew(spare), Start(first, occupied, findings_of(answer), rest), voice)


def _first(answer: Answer, voice: Voice, *, strict: bool) -> Desired:
    problems = [*problems_of(answer), *findings_of(answer)]
    grave = [found for found in problems if found.severity == "error" or (strict and found.severity == "warning")]
    if answer["routing"] is None or (strict and grave):
        raise ConfigUnreadable("\n".join(str(found) for found in grave))
    for found in problems:
        voice.say(str(found))
    return desired_of(answer, 1)


def _told(choice: Choice, run: RunDirectory) -> str:
    if choice.kind == "embedded":
        return f"the embedded PostgreSQL in {run.path.parent / 'pg'} ({choice.source})"
    return f"{choice.shown} (from {choice.source})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
