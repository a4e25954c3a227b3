"""The running children and their channels: started, pinged, listened to, buried. Decides nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping

from qsup.messages import Message, Ping
from qsup.reaper import kill
from qsup.supervise.launcher import Process, launch

PING_EVERY = 2.0
"""Seconds; silence of five is noticed (children.SILENCE). What asking each second cost: see watch.STEP."""


class Crew:
    """Courier, database child and templates, by name."""

    def __init__(self, spare: Mapping[str, Process] | None = None) -> None:
        self.processes: dict[str, Process] = {}
        self._spare = dict(spare or {})
        """By their modules' names: forked before it was known what they are to do (forked.fork_first)."""
        self.ping_due = 0.0
        self._number = 0

    def start(self, name: str, module: str, told: Mapping[str, str]) -> int:
        """Exec a child, or take the spare one; its pid. Raises OSError when the system has no process for us."""
        process = self._spare.pop(module, None) or launch(name, module, told)
        process.name = name
        self.processes[name] = process
        return process.pid

    def send(self, name: str, message: Message) -> bool:
        """Queue a message; false when there is no such child."""
        process = self.processes.get(name)
        if process is None or process.channel.closed:
            return False
        process.channel.send(message)
        return True

    def ping(self, now: float) -> None:
        """Ask everybody, when it is time."""
        if now < self.ping_due:
            return
        self.ping_due = now + PING_EVERY
        self._number += 1
        for process in self.processes.values():
            if not process.channel.closed:
                process.channel.send(Ping(self._number))

    def received(self) -> Iterator[tuple[str, Message]]:
        """Everything that was said, child by child in order."""
        for name in list(self.processes):
            yield from self._heard(name)

    def bury(self, pid: int) -> tuple[str, list[Message]] | None:
        """The child of this pid has been reaped: its name and its last words; None when it is none of ours."""
        self._spare = {module: process for module, process in self._spare.items() if process.pid != pid}
        name = next((name for name, process in self.processes.items() if process.pid == pid), None)
        if name is None:
            return None
        last_words = [message for _, message in self._heard(name)]
        self.processes.pop(name).channel.close()
        return name, last_words

    def descriptors(self) -> tuple[list[int], list[int]]:
        """To wait for: readable, and writable too where the child has not read everything."""
        channels = [process.channel for process in self.processes.values() if not process.channel.closed]
        writers = [channel.fileno() for channel in channels if channel.unsent]
        return [channel.fileno() for channel in channels if not channel.unsent], writers

    def _heard(self, name: str) -> Iterator[tuple[str, Message]]:
        process = self.processes[name]
        if process.channel.closed:
            return
        process.channel.flush()
        try:
            for message in process.channel.receive():
                yield name, message
        except ValueError:
            # Not our language: it cannot be trusted any more. Its death is noticed like any other.
            process.channel.closed = True
            kill(process.pid, signal.SIGKILL)
