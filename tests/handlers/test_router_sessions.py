"""The simulator's sessions: tags and /cancel, listen, reboot, a group that may only read, faults that are counted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from handlers.sandbox.faults import Kind
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.wire import encode_sentence, read_sentence
from tests.conftest import wait_until

USERS = "/ip/hotspot/user"


class Raw:
    """A client that sends what it is told and reads sentence by sentence."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def say(self, *words: str) -> None:
        """Send a sentence."""
        self.connection.sendall(encode_sentence(words))

    def hear(self) -> list[str]:
        """The next sentence."""
        return read_sentence(self._read)

    def ask(self, *words: str) -> list[list[str]]:
        """Send a sentence and read up to its !done."""
        self.say(*words)
        heard = [self.hear()]
        while heard[-1][0] != "!done":
            heard.append(self.hear())
        return heard

    def is_closed(self) -> bool:
        """Whether the other side has ended it."""
        try:
            return self.connection.recv(1) == b""
        except ConnectionError:
            return True

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.connection.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data


@contextmanager
def session(router: RouterSimulator) -> Iterator[Raw]:
    host, _, port = router.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        raw = Raw(connection)
        assert raw.ask("/login", "=name=qsup", "=password=s3cret") == [["!done"]]
        yield raw


def test_a_tagged_command_does_not_hold_up_the_others_and_can_be_cancelled(router: RouterSimulator) -> None:
    router.faults.order("/ip/pool/print", Kind.HANG_AFTER)
    with session(router) as raw:
        raw.say("/ip/pool/print", ".tag=slow")
        wait_until(lambda: router.faults.hits, what="the slow command has begun")
        assert raw.ask("/ip/pool/print", ".tag=quick") == [["!empty", ".tag=quick"], ["!done", ".tag=quick"]]
        assert raw.ask("/cancel", "=tag=slow", ".tag=c") == [
            ["!trap", ".tag=slow", "=category=2", "=message=interrupted"],
            ["!done", ".tag=slow"],
        ]
        assert raw.hear() == ["!done", ".tag=c"]


def test_what_has_no_tag_is_answered_in_its_turn(router: RouterSimulator) -> None:
    router.faults.order("/ip/pool/print", Kind.DELAY, seconds=0.1)
    with session(router) as raw:
        raw.say("/ip/pool/print", "=count-only=")
        raw.say("/system/identity/print")
        assert [raw.hear(), raw.hear()] == [["!done", "=ret=0"], ["!re", "=name=MikroTik"]]


def test_cancelling_without_a_tag_cancels_everything_and_an_unknown_tag_nothing(router: RouterSimulator) -> None:
    with session(router) as raw:
        assert raw.ask("/cancel", "=tag=nobody") == [["!done"]]
        raw.say(f"{USERS}/listen", ".tag=a")
        raw.say("/ip/pool/listen", ".tag=b")
        wait_until(lambda: len(router.commands) == 2, what="both listen")
        raw.say("/cancel")
        heard = [raw.hear() for _ in range(5)]
        assert {word for sentence in heard[:4] for word in sentence if word.startswith(".tag")} == {".tag=a", ".tag=b"}
        assert heard[4] == ["!done"]


def test_listen_tells_what_comes_changes_and_goes(router: RouterSimulator) -> None:
    router.tables.add(USERS, {"name": "before"})
    with session(router) as raw:
        raw.say(f"{USERS}/listen", "=.proplist=.id,name,comment", ".tag=l")
        wait_until(lambda: router.commands, what="it listens")
        # Its first look is not an event of the protocol: what is added now may be old or new to it, but not the change.
        number = router.tables.add(USERS, {"name": "a", "comment": "0"})
        for comment in range(1, 1000):
            router.tables.set(USERS, number, {"comment": str(comment)})
            raw.connection.settimeout(0.1)
            try:
                first = raw.connection.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                continue
            assert first
            break
        raw.connection.settimeout(20)
        assert raw.hear()[:4] == ["!re", ".tag=l", f"=.id={number}", "=name=a"]
        router.tables.remove(USERS, number)
        heard = raw.hear()
        while "=.dead=yes" not in heard:
            heard = raw.hear()
        assert heard == ["!re", ".tag=l", f"=.id={number}", "=.dead=yes"]


def test_a_reboot_ends_every_connection_without_an_answer_and_keeps_what_is_stored(router: RouterSimulator) -> None:
    with session(router) as one, session(router) as other:
        assert one.ask(f"{USERS}/add", "=name=a")[0][0] == "!done"
        one.say("/system/reboot")
        assert one.is_closed()
        assert other.is_closed()
    with session(router) as again:
        assert [sentence[0] for sentence in again.ask(f"{USERS}/print")] == ["!re", "!done"]
    assert router.reboots == 1


def test_a_group_that_may_only_read_reads_without_secrets_and_changes_nothing(router: RouterSimulator) -> None:
    number = router.tables.add(USERS, {"name": "a", "password": "hidden"})
    router.read_only = True
    with session(router) as raw:
        [row, _] = raw.ask(f"{USERS}/print")
        assert "=name=a" in row
        assert "hidden" not in " ".join(row)
        for verb in ("add", "set", "remove", "disable"):
            refused = raw.ask(f"{USERS}/{verb}", f"=.id={number}", "=name=b")
            assert refused == [["!trap", "=message=not enough permissions (9)"], ["!done"]]
        assert raw.ask("/system/reboot")[0] == ["!trap", "=message=not enough permissions (9)"]
    assert [user["name"] for user in router.tables.find(USERS)] == ["a"]


def test_excess_connections_are_closed_and_one_that_leaves_makes_room(router: RouterSimulator) -> None:
    router.max_sessions = 2
    host, _, port = router.address.rpartition(":")
    with session(router):
        with session(router), socket.create_connection((host, int(port)), timeout=20) as third:
            assert Raw(third).is_closed()
        wait_until(lambda: len(router.sessions) == 1, what="the second one has left")
        with session(router) as again:
            assert again.ask("/ip/pool/print", "=count-only=") == [["!done", "=ret=0"]]


def test_a_fault_hits_the_nth_command_of_a_pattern_so_many_times(router: RouterSimulator) -> None:
    router.faults.order("*/add", Kind.TRAP, "no", nth=3, times=2)
    router.faults.order(f"{USERS}/add", Kind.TRAP, "once")
    with session(router) as raw:
        heard = [raw.ask(f"{USERS}/add", f"=name=u{number}")[0][-1] for number in range(6)]
    assert [text if text.startswith("=message") else "added" for text in heard] == [
        "=message=once", "added", "=message=no", "=message=no", "added", "added",
    ]  # fmt: skip
    assert len(router.faults.hits) == 3


def test_a_fault_for_every_command_lasts_until_it_is_cleared(router: RouterSimulator) -> None:
    with session(router) as raw:
        router.faults.order("*", Kind.TRAP, "busy", times=None)
        assert [raw.ask("/ip/pool/print")[0][-1] for _ in range(3)] == ["=message=busy"] * 3
        router.faults.clear()
        assert raw.ask("/ip/pool/print")[0] == ["!empty"]


def test_faults_of_one_session_meet_no_other(router: RouterSimulator) -> None:
    router.faults.order("/ip/pool/print", Kind.HANG_AFTER)
    with session(router) as stuck, session(router) as other:
        stuck.say("/ip/pool/print")
        wait_until(lambda: router.faults.hits, what="the first one hangs")
        assert other.ask("/ip/pool/print")[-1] == ["!done"]
