"""Running one job: from its line to a Report. Every failure of the handler is a value here, never an exception.

The payload's class is what the handler's first parameter is annotated with; the handler's name came from queues.yaml
through the courier, never out of a row.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import inspect
import os
import signal
import sys
import traceback
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from types import FrameType
from typing import Any

from pydantic import ValidationError

from qsup import lease_end, setsignal
from qsup.errors import Superseded
from qsup.frames import frame_of
from qsup.job import Context, Discard, Job, Retry
from qsup.messages import Work
from qsup.outcome import DONE, Report
from qsup.storable import clean


class TimeLimit(BaseException):
    """The soft end. Not an Exception: a handler's `except Exception` must not swallow it."""


class HandlerMissing(Exception):
    """The handler named in queues.yaml cannot be used."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler, ready to be called."""

    call: Callable[[Any, Context], Any]
    payload: type[Job]


class SoftLimit:
    """Raises TimeLimit in the handler when its time is over, and never outside of it. One for all runs of a process."""

    def __init__(self) -> None:
        self._inside = False
        self.rang = False
        """Whether it was raised in this run, also when the handler has swallowed it."""

    def install(self) -> None:
        """Let the alarm ring here from now on; once in the life of a worker."""
        setsignal.signal(signal.SIGALRM, self._ring)

    def __enter__(self) -> None:
        self._inside = True

    def __exit__(self, *_: object) -> None:
        self._inside = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def start(self, seconds: float) -> None:
        """Arm the timer. A hundredth of a second is the shortest: zero would disarm it."""
        self.rang = False
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01))

    def hold(self) -> None:
        """From now on (COMMIT is on its way) the limit is the hard one only."""
        self._inside = False

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._inside:
            self.rang = True
            raise TimeLimit


def perform(work: Work, context: Context, limit: SoftLimit) -> Report:
    """Run the handler of `work` within its time limit and say how it went.

    The end of its lease stays in force (qsup.lease_end) until the next job's, or until there is none.
    """
    lease_end.of_process(os.getpid()).begin(work.expires)
    try:
        handler = find(work.handler, work.type)
        job = handler.payload.model_validate_json(work.payload)
    except ValidationError as error:
        reason = clean(f"not a payload of {work.type}: {misfit(error)}")
        return Report(kind="error", reason=reason, exception="ValidationError")
    except BaseException as error:  # an import of the user's code, or a validator in it, may raise anything
        return failure("error", error, work.handler)
    return _run(handler, job, context, limit, work)


def _run(handler: Handler, job: Job, context: Context, limit: SoftLimit, work: Work) -> Report:
    try:
        limit.start(work.timeout)
        # Context variables (a decimal precision is one) that the handler sets end with it.
        contextvars.copy_context().run(_call, handler, job, context, limit)
    except Superseded as error:
        # Somebody else ended this claim; whatever we report for it changes nothing.
        return Report(kind="done", reason=error.message)
    except BaseException as error:  # sys.exit() in a handler is a failure of this job, not the end of the worker
        return _ended(error, work.handler, f"over its time limit of {work.timeout:g} s" if limit.rang else "")
    return DONE


def _call(handler: Handler, job: Job, context: Context, limit: SoftLimit) -> None:
    with limit:
        answer = handler.call(job, context)
        if inspect.iscoroutine(answer):
            asyncio.run(answer)


def _ended(error: BaseException, handler: str, late: str) -> Report:
    try:
        match error:
            case Retry() | Discard():
                return _asked_for(error, handler)
            case _:
                # Also when the time limit arrives in disguise: wrapped in a group, or with another raised at its sight.
                return failure("timeout" if late else "error", error, handler, late)
    except Exception as second:  # a subclass of ours can be as broken as any
        return failure("error", second, handler)


def _asked_for(error: Retry | Discard, handler: str) -> Report:
    reason, frame = clean(words(error.reason)), clean(frame_of(error, handler))
    if isinstance(error, Retry):
        return Report(kind="retry", after=float(error.after), reason=reason, exception="qsup.Retry", frame=frame)
    return Report(kind="discard", reason=reason, exception="qsup.Discard", frame=frame)


@cache
def find(name: str, job: str) -> Handler:
    """The handler `module:function` and its payload class. Raises HandlerMissing, or what importing it raises."""
    module_name, _, function_name = name.partition(":")
    module = importlib.import_module(module_name)
    call = getattr(module, function_name, None)
    if not callable(call):
        raise HandlerMissing(f"{module_name} has no function {function_name} (the handler of {job} in queues.yaml)")
    return Handler(call, _payload_class(call, module, job))


def _payload_class(call: Callable[..., Any], module: Any, job: str) -> type[Job]:
    parameters = list(inspect.signature(call).parameters)
    hints = typing.get_type_hints(call)
    found = hints.get(parameters[0]) if parameters else None
    found = found if found is not None else getattr(module, job, None)
    if isinstance(found, type) and issubclass(found, Job):
        return found
    where = f"{call.__module__}:{getattr(call, '__name__', call)}"
    raise HandlerMissing(f"{where} does not say its job class: annotate its first parameter with {job}")


def misfit(error: ValidationError) -> str:
    """Which fields are wrong, and how. Without the values, which may be nobody's business."""
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'payload'}: {one['msg']}" for one in error.errors())


def failure(kind: typing.Literal["error", "timeout"], error: BaseException, handler: str, reason: str = "") -> Report:
    """A Report of an exception in `handler`, cleaned and capped."""
    kind_of = type(error)
    try:
        stack = "".join(traceback.format_exception(error))
    except BaseException as second:
        stack = f"its traceback cannot be read: {type(second).__name__}"
    text = reason or words(error) or kind_of.__name__
    name = kind_of.__qualname__ if kind_of.__module__ == "builtins" else f"{kind_of.__module__}.{kind_of.__qualname__}"
    return Report(
        kind=kind, reason=clean(text), exception=clean(name), traceback=clean(stack, keep_end=True),
        frame=clean(frame_of(error, handler)),
    )  # fmt: skip


def words(thing: object) -> str:
    """Its text; __str__ of a foreign exception may itself raise whatever it likes."""
    try:
        return str(thing)
    except BaseException as error:
        return f"{type(thing).__name__} (its text cannot be read: {type(error).__name__})"


def settled(report: Report, transaction: str) -> Report:
    """The report, corrected by what became of ctx.transaction(): after COMMIT the job is done, whatever came later."""
    if transaction == "committed":
        if report.kind != "done":
            print(f"after its COMMIT: {report.exception}: {report.reason} (the job is done)", file=sys.stderr)
        return Report(kind="committed")
    if transaction == "unknown":
        return replace(report, kind="unknown", after=None)
    return report


def story(work: Work, report: Report) -> str:
    """For the worker's log: what went wrong in this try, with the handler's stack; empty when nothing did."""
    if report.kind in ("done", "committed", "released"):
        return ""
    what = f"{report.exception}: {report.reason}" if report.exception else report.reason
    hook = "failed hook of " if work.step == "failed" else ""
    head = f"{hook}job {work.id} {work.type}, try {work.attempt} of {work.tries}: {what}"
    return f"{head}\n{report.traceback}".rstrip() if report.kind in ("error", "timeout") else head
