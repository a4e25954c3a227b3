"""The one connection of a deployment. What goes wrong on it is worth another try (RouterAway) or not (Refused)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from handlers.deployment.plan import Add, Change, Row, Seen
from handlers.router import Router
from handlers.router_errors import ROUTER_ERRORS, class_of, is_worth_another_try, text_of
from handlers.settings import RouterSettings

T = TypeVar("T")


class RouterAway(Exception):
    """The router did not answer, or not sensibly; the job is tried again by its queue's backoff."""


class Refused(Exception):
    """The router, or what is on it, will refuse this again; `kind` is a class of handlers.router_errors or our own."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text


class Link:
    """A logged-in router. Every method raises RouterAway or Refused, in words that hold no secret."""

    def __init__(self, router: Router, said: Callable[[BaseException], Exception]) -> None:
        self._router = router
        self._said = said

    def see(self, questions: Mapping[str, Sequence[str]]) -> Seen:
        """The rows of several menus, without dynamic ones."""
        return {path: self.rows(path, words) for path, words in questions.items()}

    def rows(self, path: str, words: Sequence[str] = ()) -> list[Row]:
        """The rows of a menu that pass the query words, without dynamic ones."""
        rows = self._ask(lambda: self._router.command(f"{path}/print", *words))
        return [row for row in rows if row.get("dynamic") is not True]

    def write(self, write: Add | Change) -> str | None:
        """Add or set; the id of the row, None in a menu without ids."""
        command = write.command
        if isinstance(write, Change):
            self.set(command.path, write.id, write.changes)
            return write.id
        place = {"place-before": write.before} if write.before else {}
        words = _attributes({**command.attrs, **place})
        answer = self._ask(lambda: self._router.command(f"{command.path}/add", *words))
        return str(answer[-1]["ret"]) if answer and "ret" in answer[-1] else None

    def set(self, path: str, number: str | None, values: Mapping[str, str]) -> None:
        """Change a row, or the one row of a menu without ids."""
        row = {".id": number} if number else {}
        self._ask(lambda: self._router.command(f"{path}/set", *_attributes({**row, **values})))

    def unset(self, path: str, number: str, column: str) -> None:
        """Make a column absent again."""
        words = _attributes({".id": number, "value-name": column})
        self._ask(lambda: self._router.command(f"{path}/unset", *words))

    def remove(self, path: str, number: str) -> None:
        """Remove a row; one that is gone is fine."""
        try:
            self._ask(lambda: self._router.command(f"{path}/remove", f"=.id={number}"))
        except Refused as refused:
            if refused.kind != "gone":
                raise

    def peers(self, user: str) -> list[str]:
        """The addresses from which the router sees our account connected: behind NAT, others than we see ourselves."""
        try:
            rows = self.rows("/user/active", [f"?name={user}"])
        except Refused:
            rows = []
        found = [
            str(row["address"]) for row in rows if str(row.get("via", "api")).startswith("api") and "address" in row
        ]
        return found or [self._router.own_address]

    def _ask(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except ROUTER_ERRORS as error:
            raise self._said(error) from None


@contextmanager
def linked(settings: RouterSettings, *, seconds: float, secret: str = "") -> Iterator[Link]:
    """Connect, log in, and close at the end. Raises RouterAway or Refused. `secret`: kept out of what they say."""

    router = Router(settings, seconds=seconds)

    def said(error: BaseException) -> Exception:
        words = "it was too slow" if router.is_late else text_of(error)
        text = f"router {settings.address}: {words.replace(secret, '…') if secret else words}"
        return RouterAway(text) if router.is_late or is_worth_another_try(error) else Refused(class_of(error), text)

    with ExitStack() as stack:
        try:
            stack.enter_context(router)
        except ROUTER_ERRORS as error:
            raise said(error) from None
        yield Link(router, said)


def _attributes(values: Mapping[str, str]) -> list[str]:
    return [f"={name}={value}" for name, value in values.items()]
