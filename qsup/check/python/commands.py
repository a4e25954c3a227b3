"""`qsup dispatch NAME` in Python code: words for subprocess, shell lines, crontab lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from qsup.check.commandlines import in_text, of_words
from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import ANY_VALUE, Row, Text, Value
from qsup.check.python.outline import Outline, Scope
from qsup.check.python.reader import ANY_QUEUE, Sent

RUNNERS = {
    "run", "call", "check_call", "check_output", "Popen", "system", "popen", "getoutput", "getstatusoutput",
    "create_subprocess_shell", "create_subprocess_exec", "execvp", "execv", "spawnvp", "run_process", "open_process",
}  # fmt: skip
"""Of subprocess, os, asyncio and anyio."""


def commands(ev: Evaluator, outline: Outline) -> Iterator[Sent]:
    """The jobs that command lines in the module dispatch."""
    for node, scope in outline.homes.items():
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) if len(items) > 2:
                yield from _of_words(ev, node, items, scope)
            case ast.Call(args=[first, *rest]) if _name(node.func) in RUNNERS:
                yield from _of_call(ev, node, first, rest, scope)
            case ast.Constant(value=str(text)) if "dispatch" in text and not _is_remark(outline, node):
                yield from _of_text(node, text, cron_only=True)


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")


def _is_remark(outline: Outline, node: ast.AST) -> bool:
    """A docstring, or a part of a text whose other parts are not known."""
    return isinstance(outline.parents.get(node), ast.Expr | ast.JoinedStr)


def _of_words(ev: Evaluator, node: ast.expr, items: list[ast.expr], scope: Scope) -> Iterator[Sent]:
    if not any(isinstance(item, ast.Constant) and item.value == "dispatch" for item in items):
        return
    words = [_word(ev.values(item, scope)) for item in items]
    yield from _sent(node, of_words(words))


def _word(values: list[Value]) -> str | None:
    return values[0].text if len(values) == 1 and isinstance(values[0], Text) else None


def _of_call(ev: Evaluator, node: ast.Call, first: ast.expr, rest: list[ast.expr], scope: Scope) -> Iterator[Sent]:
    if isinstance(first, ast.List | ast.Tuple):
        return
    for value in ev.values(first, scope):
        match value:
            case Text(text=text) if rest and "dispatch" not in text:
                yield from _of_words(ev, node, [first, *rest], scope)
            case Text(text=text):
                yield from _of_text(node, text)
            case Row() if not isinstance(first, ast.Name | ast.Attribute):
                yield from _sent(node, of_words([_word(list(column)) for column in value.columns]))


def _of_text(node: ast.expr, text: str, *, cron_only: bool = False) -> Iterator[Sent]:
    for found in in_text(text, cron_only=cron_only):
        at = (node.lineno + found.line - 1, found.column) if found.line > 1 and _as_written(node, text) else None
        yield from _sent(node, (found.job, found.queue, found.unclear_queue), at)


def _as_written(node: ast.expr, text: str) -> bool:
    """Whether the lines of the text are the lines of the file."""
    return isinstance(node, ast.Constant) and (node.end_lineno or 0) - node.lineno == text.count("\n")


def _sent(
    node: ast.expr, found: tuple[str, str | None, bool] | None, at: tuple[int, int] | None = None
) -> Iterator[Sent]:
    if found is not None:
        job, queue, unclear = found
        yield Sent(node, job, queue, ANY_VALUE if not job else ANY_QUEUE if unclear else "", unclear, at=at)
