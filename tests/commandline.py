"""Commands of qsup in processes of their own, without a start of Python for each: most of what `qsup status` costs.

One process that has imported qsup waits for orders and forks for each. The command gets its own folder, environment,
standard streams and arguments, and exits as it would. What Python does at its start is not tested this way:
tests/cli/test_every_command.py starts each command for real.
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
LIMIT = 90.0
"""Seconds for a command."""


def run(
    *words: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """`qsup word word …` to its end, as subprocess.run would do it. Raises subprocess.TimeoutExpired."""
    order = {"words": words, "cwd": str(cwd), "env": dict(os.environ if env is None else env)}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        code = _ask(order, [given, out, err])
        return subprocess.CompletedProcess(words, code, _text(out), _text(err))


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


def _ask(order: Mapping[str, Any], streams: Sequence[IO[bytes]]) -> int:
    with socket.socket(socket.AF_UNIX) as conn:
        conn.settimeout(LIMIT)
        conn.connect(_address())
        socket.send_fds(conn, [b"."], [stream.fileno() for stream in streams])
        with conn.makefile("rwb") as file:
            file.write(json.dumps(order).encode() + b"\n")
            file.flush()
            pid = int(file.readline())
            try:
                return int(file.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(order["words"]), LIMIT) from None


@cache
def _address() -> bytes:
    """Where this process's own forker listens; it is started by the first command, and ends with us."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("")
        listener.listen(64)
        address: bytes = listener.getsockname()
        forker = subprocess.Popen(
            [sys.executable, "-m", "tests.commandline", str(listener.fileno())],
            cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[listener.fileno()],
        )  # fmt: skip
    atexit.register(forker.communicate)
    return address


# --- the forker -----------------------------------------------------------------------------------------------------


def serve(listener: socket.socket) -> None:
    """Fork for each order until standard input ends."""
    import qsup

    for module in pkgutil.walk_packages(qsup.__path__, "qsup."):
        if not module.name.endswith("__main__"):
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
    """Run the command of one connection in a child and tell its pid and exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(conn, 1, 3)
    with conn.makefile("rwb") as file:
        order = json.loads(file.readline())
        pid = os.fork()
        if pid == 0:
            conn.close()
            _become(order, streams)
        file.write(b"%d\n" % pid)
        file.flush()
        status = os.waitpid(pid, 0)[1]
        file.write(b"%d\n" % os.waitstatus_to_exitcode(status))
    return 0


def _become(order: Mapping[str, Any], streams: Sequence[int]) -> NoReturn:
    """Be the command."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, max(streams) + 1)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    random.seed()
    sys.path[0] = order["cwd"]
    sys.modules["__main__"].__package__ = "qsup"
    sys.argv = [str(ROOT / "qsup" / "__main__.py"), *order["words"]]
    os._exit(_end())


def _end() -> int:
    """The command's exit code, after everything that Python does at its end."""
    from qsup.cli import main

    code: Any = 0
    try:
        main()
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
