"""SQL in Python code that dispatches: `cursor.execute("SELECT qsup.dispatch('ChargeJob', …)")`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import ANY_VALUE, Row, Table, Text, Value
from qsup.check.python.outline import Outline, Scope
from qsup.check.python.reader import ANY_QUEUE, Sent

RUNS = re.compile(r"execute\w*|exec_driver_sql|mogrify|fetch\w*|scalars?|stream\w*|selectOne|query|copy|statement|raw")
"""Methods that are given a statement, in psycopg, asyncpg, SQLAlchemy, Django and others."""
WRAPPERS = ("SQL", "text", "RawSQL")

LITERAL_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
CALL = re.compile(r"""\bqsup\s*\.\s*"?(dispatch|dispatch_many)"?\s*\(""", re.IGNORECASE)
LITERAL = re.compile(r"'((?:[^']|'')*)'(?:\s*::\s*[\w.\[\]]+)?", re.DOTALL)
PLACE = re.compile(r"%s|%b|%t|\$(\d+)|\?|[%:]\(?(\w+)\)?s?")
QUEUE = re.compile(r"\bqueue\s*(?:=>|:=)\s*", re.IGNORECASE)
NAMES = re.compile(r"ARRAY\s*\[(.*?)\]|'\{(.*?)\}'", re.IGNORECASE | re.DOTALL)


def statements(ev: Evaluator, outline: Outline) -> Iterator[Sent]:
    """The jobs that statements in the module dispatch."""
    for node, scope in outline.homes.items():
        if isinstance(node, ast.Call) and RUNS.fullmatch(_name(node.func)) and node.args:
            for text, whole in _texts(ev, node.args[0], scope):
                yield from _sent(ev, node, scope, text, whole=whole)


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")


def _texts(ev: Evaluator, node: ast.expr, scope: Scope) -> Iterator[tuple[str, bool]]:
    """Every text that the statement may be; of one with unknown parts the known ones, and False."""
    if isinstance(node, ast.Call) and node.args and _name(node.func) in WRAPPERS:
        yield from _texts(ev, node.args[0], scope)
    elif isinstance(node, ast.Call) and _name(node.func) == "format":
        yield from ((text, False) for text, _ in _texts(ev, getattr(node.func, "value", node.func), scope))
    elif isinstance(node, ast.JoinedStr) and not any(isinstance(one, Text) for one in ev.values(node, scope)):
        yield "\0".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)), False
    elif isinstance(node, ast.Constant | ast.Name | ast.Attribute | ast.JoinedStr | ast.BinOp | ast.IfExp):
        yield from ((one.text, True) for one in ev.values(node, scope) if isinstance(one, Text))


def without_comments(text: str) -> str:
    """The statement, its comments blanked, and those in its literals left."""
    return LITERAL_OR_COMMENT.sub(lambda match: match[0] if match[0][0] == "'" else " ", text)


def _sent(ev: Evaluator, node: ast.Call, scope: Scope, text: str, *, whole: bool) -> Iterator[Sent]:
    clean = without_comments(text)
    literals = [match.span() for match in LITERAL.finditer(clean)]
    for match in CALL.finditer(clean):
        if any(begin < match.start() < end for begin, end in literals):
            continue
        rest = clean[match.end() :]
        many = match[1].lower() == "dispatch_many"
        queue, unclear = _queue(rest)
        for job in _many(rest) if many else _one(ev, node, scope, rest, clean[: match.end()]):
            why = "" if job else ANY_VALUE
            yield Sent(node, job, queue, why or unclear or ("" if whole else ANY_VALUE), bool(unclear))


def _one(ev: Evaluator, node: ast.Call, scope: Scope, rest: str, before: str) -> list[str]:
    rest = re.sub(r"^\s*job\s*(=>|:=)", "", rest, flags=re.IGNORECASE).lstrip()
    literal = LITERAL.match(rest)
    if literal:
        return ["" if "\0" in literal[1] else literal[1].replace("''", "'")]
    place = PLACE.match(rest)
    return _parameter(ev, node, scope, place, before) if place else [""]


def _parameter(ev: Evaluator, node: ast.Call, scope: Scope, place: re.Match[str], before: str) -> list[str]:
    """The job's name when it is one of the parameters."""
    if len(node.args) < 2:
        return [""]
    if place[1]:
        # asyncpg gives the parameters one by one.
        number = int(place[1])
        given = ev.values(node.args[number], scope) if number < len(node.args) else []
        return _names(given)
    number = len(re.findall(r"%s|%b|%t|\?", before))
    found: list[Value] = []
    for value in ev.values(node.args[1], scope):
        if isinstance(value, Row) and not place[2] and number < len(value.columns):
            found += value.columns[number]
        elif isinstance(value, Table) and place[2]:
            found += [one for key, column in value.pairs if key == place[2] for one in column]
    return _names(found)


def _names(values: list[Value]) -> list[str]:
    return [value.text if isinstance(value, Text) else "" for value in values] or [""]


def _many(rest: str) -> list[str]:
    match = NAMES.match(re.sub(r"^\s*jobs\s*(=>|:=)", "", rest, flags=re.IGNORECASE).lstrip())
    if match is None:
        return [""]
    names = [name.strip().strip("'\"") for name in (match[1] or match[2] or "").split(",")]
    return list(dict.fromkeys(name if re.fullmatch(r"\w+", name) else "" for name in names))


def _queue(rest: str) -> tuple[str | None, str]:
    inside = rest.partition(";")[0]
    given = QUEUE.search(LITERAL.sub(lambda m: "'" + "x" * (len(m[0]) - 2) + "'", inside))
    if given is None:
        return None, ""
    literal = LITERAL.match(inside, given.end())
    if literal:
        return literal[1], ""
    return (None, "") if inside[given.end() :].lower().startswith("null") else (None, ANY_QUEUE)
