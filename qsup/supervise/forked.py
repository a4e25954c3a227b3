"""The first courier and the first template, forked by the supervisor before it opens anything.

What all three need is imported once: the courier and every worker share its pages, and none of them has to load it
again. Later ones (after a crash, or for new code) are started by exec, like all other children. What the courier needs
is in the supervisor's memory only for that: no line of it runs there. docs/adr/0029-fork-the-first-children.md.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping

from qsup.channel import Channel
from qsup.forking import end_with
from qsup.reaper import kill
from qsup.supervise.launcher import COURIER, DEFAULT_SIGNALS, TEMPLATE, Process
from qsup.title import rename

Life = Callable[[Channel], int]
Foreign = Iterable[int]
"""Descriptors of the supervisor's."""


def fork_first(told: Mapping[str, str], foreign: Foreign) -> dict[str, Process]:
    """Fork them, by their modules' names; none if that is not possible: then they are started by exec.

    `told`: what they find in their environment; `foreign`: what they must not hold open.
    """
    children: dict[str, Process] = {}
    try:
        lives = _prepare()
        gc.collect()
        gc.freeze()
        for name, life in lives.items():
            ours = [*foreign, *(child.channel.fileno() for child in children.values())]
            children[name] = _fork(name, life, told, ours)
    except (OSError, ImportError):
        # Said when it is started by exec: there it is tried again, and its last words are read.
        dismiss(children.values())
        return {}
    return children


def dismiss(children: Iterable[Process]) -> None:
    """They are not wanted."""
    for child in children:
        kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)


def _prepare() -> dict[str, Life]:
    from qsup.courier.__main__ import live as courier
    from qsup.rehearsal import rehearse
    from qsup.template import live as template

    rehearse()
    return {COURIER: courier, TEMPLATE: template}


def _fork(name: str, life: Life, told: Mapping[str, str], foreign: Foreign) -> Process:
    ours, theirs = socket.socketpair()
    with theirs:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            end_with(lambda: _be(name, life, Channel(theirs), told, [*foreign, ours.fileno()]))
        # Whoever of the two comes first: a Ctrl-C must find it in its own group, and so must a kill of ours.
        os.setpgid(pid, pid)
    return Process(name, pid, Channel(ours))


def _be(name: str, life: Life, channel: Channel, told: Mapping[str, str], foreign: Foreign) -> int:
    os.setpgid(0, 0)
    for number in DEFAULT_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    for descriptor in foreign:
        os.close(descriptor)
    os.environ.update(told)
    rename([sys.executable, "-m", name])
    return life(channel)
