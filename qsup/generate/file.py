"""What a generator returns; only a command writes it to a disk."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """A file to be: where it would stand, and its text."""

    name: str
    content: str

    def drift(self, found: str) -> str:
        """What would have to change in the text `found` to make it this file, as a unified diff; empty for nothing."""
        lines = difflib.unified_diff(
            found.splitlines(keepends=True),
            self.content.splitlines(keepends=True),
            fromfile=self.name,
            tofile=f"{self.name} (as queues.yaml says)",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
