"""Processes of qsup that are forked from one which has imported it: most of what `qsup status` costs is Python's start.

Each is a real process with its own folder, environment, standard streams and arguments, and ends as it would. What
Python does at its start is not tested this way: tests/cli/test_every_command.py starts each command for real, and the
tests of `qsup run` start everything below it by exec, as it is.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parents[1]
COMMAND = "qsup.cli"
COMMAND_LIMIT = 90.0
"""Seconds."""
CHANNEL = 3
"""The descriptor of QSUP_CHANNEL in the process."""


class Offspring:
    """A process that runs main() of a module, as far as subprocess.Popen of one is used; wait for it to its end."""

    def __init__(
        self, module: str, words: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[int]
    ) -> None:
        self.words = list(words)
        self.returncode: int | None = None
        order = {"module": module, "words": self.words, "cwd": str(cwd), "env": dict(env)}
        self._conn = socket.socket(socket.AF_UNIX)
        self._conn.connect(_address())
        socket.send_fds(self._conn, [b"."], streams)
        self._file = self._conn.makefile("rwb")
        self._file.write(json.dumps(order).encode() + b"\n")
        self._file.flush()
        self.pid = int(self._file.readline())

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._conn], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.words, timeout or 0.0)
            self.returncode = int(self._file.readline())
            self._file.close()
            self._conn.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit code of one that has ended."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """kill -9."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def run(
    *words: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """`qsup word word …` to its end, as subprocess.run would do it. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        streams = [stream.fileno() for stream in (given, out, err)]
        process = Offspring(COMMAND, words, cwd, os.environ if env is None else env, streams)
        try:
            code = process.wait(COMMAND_LIMIT)
        finally:
            process.kill()
            process.wait()
        return subprocess.CompletedProcess(words, code, _text(out), _text(err))


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


@cache
def _address() -> bytes:
    """Where this process's own forker listens; it is started when it is first needed, and ends with us."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("")
        listener.listen(64)
        address: bytes = listener.getsockname()
        forker = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(listener.fileno())],
            cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[listener.fileno()],
        )  # fmt: skip
    atexit.register(forker.communicate)
    return address


# --- the forker -----------------------------------------------------------------------------------------------------


def serve(listener: socket.socket) -> None:
    """Fork for each order until standard input ends."""
    import qsup

    for module in pkgutil.walk_packages(qsup.__path__, "qsup."):
        if module.name not in ("qsup.__main__", "qsup.supervise.__main__", "qsup.embedded.__main__"):
            importlib.import_module(module.name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        conn, _ = listener.accept()
        with conn:
            if os.fork() == 0:
                listener.close()
                os._exit(_attend(conn))


def _reap(*_: object) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _attend(conn: socket.socket) -> int:
    """Run the process of one connection as a child and tell its pid and exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(conn, 1, CHANNEL + 1)
    with conn.makefile("rwb") as file:
        order = json.loads(file.readline())
        pid = os.fork()
        if pid == 0:
            _become(order, streams)
        for stream in streams:
            os.close(stream)
        file.write(b"%d\n" % pid)
        file.flush()
        status = os.waitpid(pid, 0)[1]
        try:
            file.write(b"%d\n" % os.waitstatus_to_exitcode(status))
            file.flush()
        except BrokenPipeError:
            # The test has ended without it.
            os._exit(0)
    return 0


def _become(order: Mapping[str, Any], streams: Sequence[int]) -> NoReturn:
    """Be the process."""
    os.setsid()
    # First out of the way of the numbers that they are to have.
    high = [os.dup2(stream, 100 + number) for number, stream in enumerate(streams)]
    for number, stream in enumerate(high):
        os.dup2(stream, number)
    os.closerange(len(streams), 100 + len(streams))
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    random.seed()
    sys.path[0] = order["cwd"]
    sys.modules["__main__"].__package__ = "qsup"
    sys.argv = [str(ROOT / "qsup" / "__main__.py"), *order["words"]]
    os._exit(_end(order["module"]))


def _end(module: str) -> int:
    """The exit code, after everything that Python does at the end of a program."""
    code: Any = 0
    try:
        code = importlib.import_module(module).main()
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as at the end of any program
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
