"""What a session may ask of the simulated router: log in, print, write, listen, reboot. No sockets here."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from handlers.sandbox.menus import SENSITIVE
from handlers.sandbox.tables import Row, Trap

if TYPE_CHECKING:
    from handlers.sandbox.routeros import RouterSimulator

FAILED_LOGINS = 5
LISTEN_EVERY = 0.02
"""Seconds between looks of a `listen`."""

Reply = list[str]


class Fatal(Exception):
    """The router says why, and ends the session."""


class Over(Exception):
    """The session ends without a word."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A command: its word, the attribute words as a dict, the query words, its tag."""

    word: str
    values: dict[str, str]
    queries: list[str]
    tag: str | None

    @classmethod
    def of(cls, words: list[str]) -> Self:
        """A value may be empty and may hold equals signs."""
        pairs = [word[1:].partition("=") for word in words[1:] if word.startswith("=")]
        tags = [word.removeprefix(".tag=") for word in words[1:] if word.startswith(".tag=")]
        queries = [word for word in words[1:] if word.startswith("?")]
        return cls(words[0], {name: value for name, _, value in pairs}, queries, tags[-1] if tags else None)


class Commands:
    """The commands of one session; `do` yields its replies as they come."""

    def __init__(self, router: RouterSimulator) -> None:
        self.router = router
        self.logged_in = False
        self.failed_logins = 0
        self.challenge = b""

    def do(self, sentence: Sentence, wait: Callable[[float], None]) -> Iterator[Reply]:
        """Raises Trap, Fatal, Over. `wait(seconds)` is for a command that lasts; it raises when it is cancelled."""
        if sentence.word == "/login":
            yield from self._log_in(sentence.values)
            return
        if not self.logged_in:
            raise Fatal("not logged in")
        if sentence.word == "/quit":
            raise Fatal("session terminated on request")
        self.router.commands.append(sentence.word)
        path, _, verb = sentence.word.rpartition("/")
        if verb in {"print", "getall"}:
            yield from self._print(path, sentence)
        elif verb == "listen":
            yield from self._listen(path, sentence, wait)
        elif sentence.word == "/system/reboot":
            self._may_write()
            self.router.reboot()
            raise Over
        else:
            yield self._write(path, verb, dict(sentence.values))

    def _print(self, path: str, sentence: Sentence) -> Iterator[Reply]:
        rows = self.router.tables.find(path, sentence.queries)
        if "count-only" in sentence.values:
            yield ["!done", f"=ret={len(rows)}"]
            return
        yield from (self._row(row, sentence) for row in rows)
        if not rows and self.router.says_empty:
            yield ["!empty"]
        yield ["!done"]

    def _row(self, row: Row, sentence: Sentence) -> Reply:
        only = sentence.values.get(".proplist")
        wanted = only.split(",") if only else None
        hidden = SENSITIVE if self.router.read_only or not self.router.shows_secrets else frozenset()
        names = [name for name in row if name not in hidden and (wanted is None or name in wanted)]
        return ["!re", *(f"={name}={row[name]}" for name in names)]

    def _listen(self, path: str, sentence: Sentence, wait: Callable[[float], None]) -> Iterator[Reply]:
        known = {row.get(".id", ""): row for row in self.router.tables.find(path, sentence.queries)}
        while True:
            wait(LISTEN_EVERY)
            found = {row.get(".id", ""): row for row in self.router.tables.find(path, sentence.queries)}
            yield from (self._row(row, sentence) for number, row in found.items() if known.get(number) != row)
            yield from (["!re", f"=.id={number}", "=.dead=yes"] for number in known.keys() - found.keys())
            known = found

    def _write(self, path: str, verb: str, values: Row) -> Reply:
        tables = self.router.tables
        if verb not in {"add", "set", "unset", "remove", "enable", "disable"}:
            tables.find(path)
            raise Trap("no such command", 0)
        self._may_write()
        ids = values.pop(".id", "")
        if verb == "add":
            return ["!done", f"=ret={tables.add(path, values)}"]
        if verb == "remove":
            tables.remove(path, ids)
        elif verb == "unset":
            tables.unset(path, ids, values.get("value-name", ""))
        else:
            tables.set(path, ids, values if verb == "set" else {"disabled": "yes" if verb == "disable" else "no"})
        return ["!done"]

    def _may_write(self) -> None:
        if self.router.read_only:
            raise Trap("not enough permissions (9)")

    def _log_in(self, values: Row) -> Iterator[Reply]:
        by_token = "response" in values
        if not by_token and (self.router.login == "token" or ("name" not in values and self.router.login == "both")):
            self.challenge = secrets.token_bytes(16)
            yield ["!done", f"=ret={self.challenge.hex()}"]
            return
        if self._is_right_response(values) if by_token else self._is_right_password(values):
            self.logged_in = True
            yield ["!done"]
            return
        self.failed_logins += 1
        if self.failed_logins >= FAILED_LOGINS:
            raise Fatal("too many commands before login")
        raise Trap("cannot log in" if self.router.login == "token" else "invalid user name or password (6)")

    def _is_right_password(self, values: Row) -> bool:
        right = hmac.compare_digest(_bytes(values.get("password", "")), _bytes(self.router.password))
        return values.get("name") == self.router.user and right

    def _is_right_response(self, values: Row) -> bool:
        digest = hashlib.md5(b"\0" + _bytes(self.router.password) + self.challenge, usedforsecurity=False).hexdigest()
        challenge, self.challenge = self.challenge, b""
        right = hmac.compare_digest(_bytes(values["response"]), f"00{digest}".encode())
        return bool(challenge) and self.router.login != "plain" and values.get("name") == self.router.user and right


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
