"""The commands inside a command line: `sh -c "cd /srv && nice -n 10 php artisan …"` → `cd /srv`, `php artisan …`. Pure.

supervisord has no shell: it splits a command with shlex and starts the first word. What wraps the command of a worker
is taken off, layer by layer; what is not known stays as it is.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

DEEPEST = 12
"""Layers that are taken off."""
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh")
KEYWORDS = {"do", "then", "else", "while", "until", "if", "!", "{", "exec"}
"""Words of a shell that a command may follow."""
PUNCTUATION = "();<>|&\n"

Argv = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inner:
    """What is left when nothing more can be taken off."""

    argv: Argv
    by_shell: bool = False
    """Whether a shell reads it, so that `$NAME` in it is a variable."""


def inner(command: str) -> list[Inner]:
    """The commands that do the work; more than one only where a shell starts several.

    Raises ValueError when the line cannot be split.
    """
    return list(_inside(Inner(tuple(shlex.split(command))), 0))


def _inside(found: Inner, depth: int) -> Iterator[Inner]:
    if not found.argv or depth >= DEEPEST:
        yield found
        return
    name, rest = program(found.argv[0]), found.argv[1:]
    script = _script(rest) if name in SHELLS else None
    if name in ("su", "runuser"):
        script = _option(rest, "-c", "--command")
    if script is not None:
        for argv in _commands(script):
            yield from _inside(Inner(argv, by_shell=True), depth + 1)
    elif found.by_shell and (found.argv[0] in KEYWORDS or ASSIGNMENT.match(found.argv[0])):
        yield from _inside(Inner(rest, found.by_shell), depth + 1)
    elif name in WRAPPERS:
        yield from _inside(Inner(WRAPPERS[name](rest), found.by_shell), depth + 1)
    else:
        yield found


def program(word: str) -> str:
    """The name of an executable without its folder."""
    return word.rpartition("/")[2]


def _script(words: Argv) -> str | None:
    """The text after `-c` of a shell, which may stand among other letters: `-lc`, `-euxc`."""
    for index, word in enumerate(words):
        if re.fullmatch(r"-[a-zA-Z]*c[a-zA-Z]*", word) and index + 1 < len(words):
            return words[index + 1]
        if not word.startswith(("-", "+")):
            return None
    return None


def _option(words: Sequence[str], *names: str) -> str | None:
    for index, word in enumerate(words):
        if word in names and index + 1 < len(words):
            return words[index + 1]
        for name in names:
            if word.startswith(f"{name}=") and name.startswith("--"):
                return word.partition("=")[2]
    return None


def _commands(script: str) -> Iterator[Argv]:
    """A shell's commands, without their redirections: `cd /srv && php artisan … >> log 2>&1` gives two."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=PUNCTUATION)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not set(word) <= set(PUNCTUATION) or set(word) & set("<>"):
            words.append(word)
        elif words:
            yield _without_redirections(words)
            words = []


def _without_redirections(words: list[str]) -> Argv:
    for index, word in enumerate(words):
        if set(word) <= set(PUNCTUATION):
            # `2` of `2>&1` is a word of its own here.
            numbered = index > 0 and words[index - 1].isdigit() and len(words[index - 1]) == 1
            return tuple(words[: index - numbered])
    return tuple(words)


def _after_options(with_value: str) -> Callable[[Argv], Argv]:
    """What follows the options; `with_value` are those whose value is the next word."""
    taking = with_value.split()

    def rest(words: Argv) -> Argv:
        index = 0
        while index < len(words) and words[index].startswith("-") and words[index] != "-":
            if words[index] == "--":
                return words[index + 1 :]
            index += 2 if words[index] in taking else 1
        return words[index:]

    return rest


def _without_assignments(words: Argv) -> Argv:
    index = 0
    while index < len(words) and ASSIGNMENT.match(words[index]):
        index += 1
    return words[index:]


def _and_one_more(rest: Callable[[Argv], Argv]) -> Callable[[Argv], Argv]:
    """After the options stands a word of the wrapper's own: a user, a container, a duration."""
    return lambda words: rest(words)[1:]


def _environment(words: Argv) -> Argv:
    split = _option(words, "-S", "--split-string")
    if split is not None:
        return _without_assignments(tuple(shlex.split(split)))
    return _without_assignments(_after_options("-u --unset -C --chdir")(words))


def _sudo(words: Argv) -> Argv:
    options = "-u --user -g --group -C -D --chdir -h --host -p --prompt -r --role -t --type -T -U"
    return _without_assignments(_after_options(options)(words))


def _docker(words: Argv) -> Argv:
    """`docker exec [options] CONTAINER …`, `docker compose exec [options] SERVICE …`; else nothing is taken off."""
    words = _after_options("-f --file -p --project-name -H --host --context --env-file --profile -c --config -l")(words)
    if words[:1] == ("compose",):
        return _docker(words[1:])
    if words[:1] not in (("exec",), ("run",)):
        return words
    return _after_options(
        "-u --user -w --workdir -e --env --env-file --index -v --volume --name --network --entrypoint -n --namespace"
    )(words[1:])[1:]


def _kubectl(words: Argv) -> Argv:
    return words[words.index("--") + 1 :] if "--" in words else words


_OPTIONS = _after_options("-n --adjustment -c --class --classdata -p -P -u -o -e -i -g -f -k --kill-after -s --signal")
WRAPPERS: Mapping[str, Callable[[Argv], Argv]] = {
    "env": _environment,
    "sudo": _sudo,
    "doas": _sudo,
    "nice": _OPTIONS,
    "ionice": _OPTIONS,
    "stdbuf": _OPTIONS,
    "nohup": _OPTIONS,
    "setsid": _after_options(""),
    "exec": _after_options("-a"),
    "time": _after_options("-o -f"),
    "chronic": _after_options(""),
    "tini": _OPTIONS,
    "dumb-init": _after_options("-r --rewrite"),
    "timeout": _and_one_more(_OPTIONS),
    "gosu": _and_one_more(_after_options("")),
    "su-exec": _and_one_more(_after_options("")),
    "chrt": _and_one_more(_after_options("")),
    "docker": _docker,
    "docker-compose": _docker,
    "podman": _docker,
    "kubectl": _kubectl,
    "sail": _after_options(""),
}
"""Each gives the words behind its own options."""
