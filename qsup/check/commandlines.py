"""`qsup dispatch NAME …` in shell scripts, crontabs and texts of them. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WITH_VALUE = {"-f", "--file", "--count", "--delay", "--queue", "--unique", "-c", "--config", "--database"}
CRON = re.compile(r"\s*(?:@\w+|(?:[\d*/,\-A-Za-z?#LW]+\s+){4}[\d*/,\-A-Za-z?#LW]+)\s+(?=\S)")
CONNECTIVES = re.compile(r"(?:&&|\|\||;|\||\(|\{|\bthen\b|\bdo\b|\belse\b|!)")
BEFORE = {"exec", "nohup", "nice", "time", "env", "sudo", "command", "flock", "timeout", "uv", "run", "poetry"}
HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")


@dataclass(frozen=True, slots=True)
class Command:
    """One dispatch. `job` is empty when a variable holds the name; so is `queue`, then `unclear_queue` is true."""

    line: int
    column: int
    job: str
    queue: str | None
    unclear_queue: bool = False


def of_words(words: Sequence[str | None]) -> tuple[str, str | None, bool] | None:
    """(job, queue, whether the queue is unclear) of a command's words, unknown ones None; None for other commands."""
    start = _after_qsup(words)
    if start is None:
        return None
    job, queue, unclear = None, None, False
    at = start
    while at < len(words):
        word = words[at]
        name, _, value = (word or "").partition("=")
        if (word is not None and word.startswith("-") and job is None) or (word or "").startswith("--"):
            takes = name in WITH_VALUE and not value
            given = words[at + 1] if takes and at + 1 < len(words) else value
            if name == "--queue":
                queue, unclear = given, given is None
            at += 2 if takes else 1
            continue
        if job is None:
            job = word or ""
        at += 1
    return (job, queue, unclear) if job is not None else None


def _after_qsup(words: Sequence[str | None]) -> int | None:
    for at, word in enumerate(words[:-1]):
        if word is not None and (word == "qsup" or word.endswith("/qsup")) and words[at + 1] == "dispatch":
            module = at == 0 or words[at - 1] == "-m"
            return at + 2 if module or _only_wrappers(words[:at]) else None
    return None


def _only_wrappers(words: Sequence[str | None]) -> bool:
    return all(
        word is None or word in BEFORE or "=" in word or word[0] in "-/0123456789" for word in words if word != ""
    )


def in_text(text: str, *, cron_only: bool = False) -> Iterator[Command]:
    """The dispatches of a script or crontab; with `cron_only` only of lines that begin with a time."""
    for number, line in _lines(text):
        cron = CRON.match(line)
        if cron_only and cron is None:
            continue
        begin = cron.end() if cron else 0
        for column, part in _commands(line[begin:], begin):
            found = of_words(_words(part))
            if found is not None:
                yield Command(number, column + 1, *found)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with their numbers; of here-documents only what looks like a crontab's."""
    held, begun, until = "", 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if until:
            if line.strip() == until:
                until = ""
            elif CRON.match(line):
                yield number, line
            continue
        if not held:
            begun = number
        held += line
        if held.endswith("\\"):
            held = held[:-1] + " "
            continue
        yield begun, held
        document = HEREDOC.search(held)
        until, held = document[2] if document else "", ""


def _commands(line: str, begin: int) -> Iterator[tuple[int, str]]:
    """The simple commands of a line, each with its column; nothing behind a comment's #."""
    start, quote, at = 0, "", 0
    while at < len(line):
        letter = line[at]
        if quote:
            if letter == "\\" and quote == '"':
                at += 1
            elif letter == quote:
                quote = ""
        elif letter in "'\"":
            quote = letter
        elif letter == "\\":
            at += 1
        elif letter == "#" and (at == 0 or line[at - 1].isspace()):
            break
        elif (match := CONNECTIVES.match(line, at)) and (letter in "&|;({!" or at == 0 or line[at - 1].isspace()):
            yield from _part(line[start:at], begin + start)
            start, at = match.end(), match.end()
            continue
        at += 1
    yield from _part(line[start:at], begin + start)


def _part(text: str, column: int) -> Iterator[tuple[int, str]]:
    if text.strip():
        yield column + len(text) - len(text.lstrip()), text.strip()


def _words(command: str) -> list[str | None]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return [None if "$" in word or "`" in word else word for word in words]
