"""The text of supervisord files → sections and keys, each with its place, as Python's configparser reads them.

supervisord uses configparser with comments after white space (`;` and `#`, inside quotes too), equal keys and sections
allowed (the last key wins) and keys in lower case; it keeps no places, which is why this is a reader of its own. The
steps are those of configparser's `_read` in Python 3.11; a test holds the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qsup.check.problem import Problem

HERE = "%(here)s"
DEFAULT = "DEFAULT"
INCLUDE = "include"
"""Given again in an included file it is ignored: `files` says so."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One key with its value, and where the key stands."""

    key: str
    value: str
    file: str
    line: int
    column: int
    lines: list[str] = field(default_factory=list, repr=False)
    """Of the value, while it is being read."""


@dataclass(slots=True, kw_only=True)
class Section:
    """One section; given several times, its keys are together, as supervisord has them."""

    name: str
    file: str
    line: int
    comment: str = ""
    """The comment in the lines right above it."""
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """`queue.conf:12 [program:payments]`."""
        return f"{self.file}:{self.line} [{self.name}]"


@dataclass(slots=True)
class Ini:
    """Everything that was read so far: supervisord reads the main file first, then what it includes, into one."""

    sections: dict[str, Section] = field(default_factory=dict)
    defaults: Section = field(default_factory=lambda: Section(name=DEFAULT, file="", line=0))
    problems: list[Problem] = field(default_factory=list)

    def read(self, text: str, file: str) -> None:
        """Add the text of `file`, the name that problems give it."""
        _Reader(self, file).read(text)

    def expand_here(self, here: str) -> None:
        """Put the folder `here` in the place of every `%(here)s`, as supervisord does after each file with includes."""
        for section in self.sections.values():
            for key, entry in self.merged(section).items():
                if HERE in entry.value:
                    section.entries[key] = Entry(
                        key=key,
                        value=entry.value.replace(HERE, here),
                        file=entry.file,
                        line=entry.line,
                        column=entry.column,
                    )

    def merged(self, section: Section) -> dict[str, Entry]:
        """The section's keys and those of `[DEFAULT]`."""
        return {**self.defaults.entries, **section.entries}


class _Reader:
    """One text."""

    def __init__(self, ini: Ini, file: str) -> None:
        self.ini, self.file = ini, file
        self.section: Section | None = None
        self.entry: Entry | None = None
        self.indent = 0
        self.comment: list[str] = []
        self.begun: list[Entry] = []

    def read(self, text: str) -> None:
        for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
            if not self._line(number, line):
                break
        for entry in self.begun:
            entry.value = "\n".join(entry.lines).rstrip()

    def _line(self, number: int, line: str) -> bool:
        """False when nothing after this line is read."""
        cut = comment_start(line)
        value = line[:cut].strip()
        if not value:
            self._empty(line, commented=cut is not None)
            return True
        indent = len(line) - len(line.lstrip())
        if self.section is not None and self.entry is not None and indent > self.indent:
            self.entry.lines.append(value)
            return True
        self.indent = indent
        return self._header_or_key(number, value)

    def _empty(self, line: str, *, commented: bool) -> None:
        if commented:
            said = line.strip().lstrip(";#").strip()
            # A line of dashes says nothing.
            self.comment += [said] if any(letter.isalnum() for letter in said) else []
            return
        self.comment.clear()
        if self.entry is not None:
            # configparser keeps it: another indented line may follow.
            self.entry.lines.append("")

    def _header_or_key(self, number: int, value: str) -> bool:
        end = value.rfind("]")
        if value.startswith("[") and end > 1:
            self._header(number, value[1:end])
        elif self.section is None:
            message = "this line stands before the first section, expected one such as [program:queue]"
            self._wrong(number, message)
            return False
        else:
            self._key(number, value, self.section)
        self.comment.clear()
        return True

    def _header(self, number: int, name: str) -> None:
        self.entry = None
        if name == DEFAULT:
            self.section = self.ini.defaults
            return
        known = self.ini.sections.get(name)
        if known is None:
            known = Section(name=name, file=self.file, line=number, comment=" ".join(self.comment))
            self.ini.sections[name] = known
        elif name != INCLUDE:
            message = f"section [{name}] was begun before, at {known.file}:{known.line}: supervisord puts both together"
            self._note("Q606", number, message)
        self.section = known

    def _key(self, number: int, value: str, section: Section) -> None:
        delimiters = [place for place in (value.find("="), value.find(":")) if place >= 0]
        if not delimiters:
            self._wrong(number, "this line is neither a section nor `key=value`")
            return
        key = value[: min(delimiters)].rstrip().lower()
        if not key:
            self._wrong(number, "a key is missing before the equals sign")
        before = section.entries.get(key)
        if before is not None and section.name != INCLUDE:
            self._repeated(number, key, before)
        self.entry = Entry(key=key, value="", file=self.file, line=number, column=self.indent + 1)
        self.entry.lines.append(value[min(delimiters) + 1 :].strip())
        section.entries[key] = self.entry
        self.begun.append(self.entry)

    def _repeated(self, number: int, key: str, before: Entry) -> None:
        where = f"line {before.line}" if before.file == self.file else f"{before.file}:{before.line}"
        self._note("Q606", number, f"`{key}` was given before, in {where}: supervisord takes this one, silently")

    def _wrong(self, number: int, message: str) -> None:
        self.ini.problems.append(
            Problem(code="Q601", message=message, path=self.file, line=number, column=self.indent + 1)
        )

    def _note(self, code: str, number: int, message: str) -> None:
        self.ini.problems.append(
            Problem(
                code=code,
                severity="warning",
                message=message,
                path=self.file,
                line=number,
                column=self.indent + 1,
            )
        )


def comment_start(line: str) -> int | None:
    """Where the comment of a line begins; None without one.

    As configparser looks: the n-th `;` and the n-th `#` together, until one of them has white space before it.
    """
    if line.strip().startswith((";", "#")):
        return 0
    looking = {";": -1, "#": -1}
    while looking:
        found = {sign: line.find(sign, at + 1) for sign, at in looking.items()}
        looking = {sign: at for sign, at in found.items() if at >= 0}
        starts = [at for at in looking.values() if at == 0 or line[at - 1].isspace()]
        if starts:
            return min(starts)
    return None
