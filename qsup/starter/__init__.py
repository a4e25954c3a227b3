"""What `qsup init` writes: each file of a first project with its text."""

from __future__ import annotations

from importlib.resources import files

from qsup.generate.file import File

NAMES = {"queues.yaml": "queues.yaml", "jobs.py": "jobs.py.txt"}
"""The file's name in the project, and here: a module of the user's must not look like one of qsup's."""


def project() -> list[File]:
    """The files of the first project."""
    here = files(__name__)
    return [File(name, here.joinpath(stored).read_text(encoding="utf-8")) for name, stored in NAMES.items()]
