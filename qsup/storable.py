"""Text as PostgreSQL can store it."""

from __future__ import annotations

TEXT_LIMIT = 64_000
"""Characters of an error text or a traceback that are kept (architecture, 8.6)."""


def clean(text: str, *, keep_end: bool = False) -> str:
    """What PostgreSQL can store: no NUL, no lone surrogates, at most TEXT_LIMIT characters."""
    if len(text) > TEXT_LIMIT:
        dropped = f"… {len(text) - TEXT_LIMIT} characters left out …"
        text = f"{dropped}\n{text[-TEXT_LIMIT:]}" if keep_end else f"{text[:TEXT_LIMIT]} {dropped}"
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
