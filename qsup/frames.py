"""Where in the user's own code an exception came from: the innermost function of the project in its traceback.

A file and a function, not a line: an edit further up must not make another failure of the same one.
"""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from functools import cache
from pathlib import Path
from types import CodeType, TracebackType

LONGEST = 300
"""Characters."""
INSTALLED = {"site-packages", "dist-packages"}
QSUP = str(Path(__file__).resolve().parent)
PYTHON = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})


def frame_of(error: BaseException, handler: str) -> str:
    """`handlers/payments.py:charge`, relative to the folder that holds the handler's module; empty if there is none."""
    try:
        root, package = home_of(handler.partition(":")[0].partition(".")[0])
        found = [frame for code in codes(error.__traceback__) if (frame := own(code, root, package))]
    except Exception:  # a finder of the user's, a working directory that is gone: the report itself must not fail
        return ""
    return found[-1][:LONGEST] if found else ""


def codes(trace: TracebackType | None) -> list[CodeType]:
    """The functions of a traceback, outermost first."""
    found = []
    while trace is not None:
        found.append(trace.tb_frame.f_code)
        trace = trace.tb_next
    return found


@cache
def home_of(package: str) -> tuple[str, str]:
    """The folder that holds a top-level module, and the package if that folder is not the project's alone."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ImportError(package)
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    root = os.path.dirname(os.path.abspath(places[0]))
    # A project that is itself installed shares its folder with its libraries.
    return root, package if os.path.basename(root) in INSTALLED else ""


def own(code: CodeType, root: str, package: str) -> str:
    """The frame as text when it lies in the project's own code, else empty."""
    file = code.co_filename
    if file.startswith("<"):
        return ""
    file = os.path.abspath(file)
    inside = os.path.relpath(file, root).split(os.sep)
    if inside[0] == os.pardir or INSTALLED & set(inside) or file.startswith(QSUP + os.sep):
        return ""
    if package and inside[0] not in (package, f"{package}.py"):
        return ""
    if not package and any(file.startswith(place + os.sep) for place in PYTHON):
        return ""
    return f"{'/'.join(inside)}:{code.co_qualname}"
