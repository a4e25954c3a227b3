"""A payload typed on a command line, held against its job class: the handler's own package is imported to know it."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import ValidationError

from qsup.errors import InvalidPayload
from qsup.perform import find, misfit
from qsup.routing import Route


def check(route: Route, text: str, root: Path) -> str:
    """Raise InvalidPayload when `text` (JSON) is not a payload of the route's job class.

    Returns why it could not be checked: on a machine that only dispatches, the handlers' libraries may be missing.
    Empty when it was checked.
    """
    sys.path.insert(0, str(root))
    try:
        handler = find(route.handler, route.job)
    except Exception as error:  # an import of the user's code may raise anything
        return f"{type(error).__name__}: {error}"
    try:
        handler.payload.model_validate_json(text)
    except ValidationError as error:
        fields = ", ".join(handler.payload.model_fields) or "none"
        raise InvalidPayload(f"not a payload of {route.job}: {misfit(error)}", hint=f"Its fields: {fields}.") from None
    return ""
