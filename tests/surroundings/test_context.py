"""A handler's Context is filled past its constructor: whoever adds a field must find out here."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from qsup.attempt import Attempt, Attempts
from qsup.job import Context
from qsup.rehearsal import WORK


def test_every_field_of_a_context_is_set_and_none_can_be_changed() -> None:
    attempts = Attempts()
    context = Attempt(attempts, WORK).context()
    attempts.close()
    assert list(vars(context)) == [field.name for field in fields(Context)]
    with pytest.raises(FrozenInstanceError):
        context.attempt = 7  # type: ignore[misc]  # what a handler must not do
