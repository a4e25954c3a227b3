"""One module of the shop that dispatches: how it names classes and queues, and what stands around a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.check.replay.lines import Line
from tests.check.replay.shop import Job, Shop

NAMES = "shop/names.py"
TOOLS = """\
import threading


lock = threading.Lock()
flag = True
items = [1, 2]
payload = "{}"
ready = items.copy


def often(function):
    return function


def every(seconds):
    return often
"""


@dataclass(eq=False, slots=True)
class Module:
    """What is written so far, by its parts."""

    shop: Shop
    name: str
    imports: list[Line] = field(default_factory=list)
    heads: list[Line] = field(default_factory=list)
    body: list[Line] = field(default_factory=list)
    count: int = 0

    def fresh(self, word: str) -> str:
        """A name that is not used in the module yet."""
        self.count += 1
        return f"{word}{self.count}"

    def imported(self, text: str) -> Line:
        """An import, once."""
        found = next((line for line in self.imports if line.text == text), None)
        if found is None:
            found = Line(text)
            self.imports.append(found)
        return found

    def head(self, *texts: str) -> list[Line]:
        """Lines between the imports and the code."""
        lines = [Line(text) for text in texts]
        self.heads += lines
        return lines

    def lines(self) -> list[Line]:
        """The file."""
        return [*self.imports, Line(""), *self.heads, Line(""), *self.body]


@dataclass(frozen=True, slots=True)
class Named:
    """An expression for a class or a queue, and the line that decides what it means (None: the expression itself)."""

    text: str
    line: Line | None = None


def class_name(module: Module, job: Job) -> Named:
    """A way to name the job's class in the module."""
    return module.shop.random.choice(CLASS_NAMES)(module, job)


def _from(module: Module, job: Job) -> Named:
    return Named(job.name, module.imported(f"from {job.home} import {job.name}"))


def _alias(module: Module, job: Job) -> Named:
    name = module.fresh("Kind")
    return Named(name, module.imported(f"from {job.home} import {job.name} as {name}"))


def _whole(module: Module, job: Job) -> Named:
    module.imported(f"import {job.home}")
    return Named(f"{job.home}.{job.name}")


def _short_module(module: Module, job: Job) -> Named:
    name = module.fresh("jobs")
    module.imported(f"import {job.home} as {name}")
    return Named(f"{name}.{job.name}")


def _from_package(module: Module, job: Job) -> Named:
    package, _, last = job.home.rpartition(".")
    module.imported(f"from {package} import {last}")
    return Named(f"{last}.{job.name}")


def _relative(module: Module, job: Job) -> Named:
    if not module.name.startswith("shop/desk/"):
        return _from(module, job)
    return Named(job.name, module.imported(f"from ..{job.home.removeprefix('shop.')} import {job.name}"))


def _exported(module: Module, job: Job) -> Named:
    module.imported(f"from shop import {job.public}")
    return Named(job.public, job.exported)


def _through_package(module: Module, job: Job) -> Named:
    name = module.fresh("shop")
    module.imported(f"import shop as {name}")
    return Named(f"{name}.{job.public}", job.exported)


def _variable(module: Module, job: Job) -> Named:
    found, name = _from(module, job), module.fresh("Kind")
    module.head(f"{name} = {found.text}")
    return Named(name, found.line)


def _star(module: Module, job: Job) -> Named:
    module.imported(f"from {job.home} import *")
    return Named(job.name)


def _table(module: Module, job: Job) -> Named:
    found, name = _from(module, job), module.fresh("KINDS")
    module.head(f'{name} = {{"a": {found.text}}}')
    return Named(f'{name}["a"]', found.line)


def _checked(module: Module, job: Job) -> Named:
    name = module.fresh("Kind")
    first = Line(f"    from {job.home} import {job.name} as {name}")
    module.imports += [Line("try:"), first, Line("except ImportError:"), Line("    raise SystemExit(1) from None")]
    return Named(name, first)


CLASS_NAMES: list[Callable[[Module, Job], Named]] = [
    _from, _from, _alias, _whole, _short_module, _from_package, _relative, _exported, _through_package, _variable,
    _star, _table, _checked,
]  # fmt: skip


def queue_name(module: Module, queue: str) -> Named:
    """A way to write the queue's name in the module."""
    return module.shop.random.choice(QUEUE_NAMES)(module, queue)


def _literal(_: Module, queue: str) -> Named:
    return Named(f'"{queue}"')


def _constant(module: Module, queue: str) -> Named:
    name = module.fresh("QUEUE")
    form = module.shop.random.choice(['{} = "{}"', '{}: str = "{}"', '{}: Final = "{}"'])
    if "Final" in form:
        module.imported("from typing import Final")
    return Named(name, module.head(form.format(name, queue))[0])


def _shared(module: Module, queue: str) -> Named:
    name = f"TO_{_upper(queue)}"
    line = _in_names(module.shop, f'{name} = "{queue}"')
    if module.shop.random.random() < 0.5:
        own = module.fresh("QUEUE")
        module.imported(f"from shop.names import {name} as {own}")
        return Named(own, line)
    module.imported("from shop import names")
    return Named(f"names.{name}", line)


def _held(module: Module, queue: str) -> Named:
    """A constant of a class, of an enum of texts, of any enum, of a dict: all in shop/names.py."""
    holder, suffix = module.shop.random.choice([("Names", ""), ("Texts", ""), ("Marks", ".value"), ("TABLE", "[]")])
    module.imported(f"from shop.names import {holder}")
    if suffix == "[]":
        line = _in_names(module.shop, f'    "{_upper(queue)}": "{queue}",', "TABLE")
        return Named(f'TABLE["{_upper(queue)}"]', line)
    line = _in_names(module.shop, f'    {_upper(queue)} = "{queue}"', holder)
    return Named(f"{holder}.{_upper(queue)}{suffix}", line)


def _joined(module: Module, queue: str) -> Named:
    half = len(queue) // 2
    name = module.fresh("PREFIX")
    line = module.head(f'{name} = "{queue[:half]}"')[0]
    ways = [f'f"{{{name}}}{queue[half:]}"', f'{name} + "{queue[half:]}"']
    return Named(module.shop.random.choice(ways), line)


def _of_class(module: Module, queue: str) -> Named:
    name = module.fresh("Settings")
    lines = module.head(f"class {name}:", f'    queue = "{queue}"')
    return Named(module.shop.random.choice([f"{name}.queue", f"{name}().queue"]), lines[1])


def _either(module: Module, queue: str) -> Named:
    name = module.fresh("QUEUE")
    line = module.head(f'{name} = "{queue}"')[0]
    return Named(f"({name} if 1 else {name})", line)


QUEUE_NAMES: list[Callable[[Module, str], Named]] = [
    _literal, _literal, _constant, _shared, _held, _joined, _of_class, _either
]  # fmt: skip


def _upper(queue: str) -> str:
    return queue.upper().replace("-", "_").replace(".", "_")


def _in_names(shop: Shop, text: str, under: str = "") -> Line:
    """A line of shop/names.py, once; `under` is the class or table that it belongs into."""
    lines = shop.tree.files[NAMES]
    if (under, text) not in shop.names:
        found = shop.names[under, text] = Line(text)
        at = next((at + 1 for at, line in enumerate(lines) if under and f" {under}" in f" {line.text}"), len(lines))
        lines.insert(at, found)
    return shop.names[under, text]


NAMES_TEXT = """\
import enum


class Names:
    anything = "x"


class Texts(enum.StrEnum):
    anything = "x"


class Marks(enum.Enum):
    anything = "x"


TABLE = {
    "anything": "x",
}

"""


def surrounded(module: Module, lines: list[Line]) -> list[Line]:
    """The lines within functions, classes, conditions, loops."""
    for _ in range(module.shop.random.randint(0, 3)):
        begin, finish = module.shop.random.choice(AROUND)
        name = module.fresh("step")
        needed = [word for word in ("lock", "flag", "items", "ready", "often", "every") if word in begin]
        if needed:
            module.imported(f"from shop.tools import {', '.join(needed)}")
        opened = [Line(part.format(name=name)) for part in begin.split("\n")]
        deep = len(opened[-1].text) - len(opened[-1].text.lstrip()) + 4
        for line in lines:
            line.text = " " * deep + line.text
        lines = [*opened, *lines, *(Line(part) for part in finish.split("\n") if part)]
    return lines


AROUND = [
    ("def {name}(a, b=None):", ""),
    ("def {name}(a, /, *, conn=None):", ""),
    ("async def {name}(conn):", ""),
    ("class {name}:\n    def go(self, x):", ""),
    ("class {name}:\n    @classmethod\n    def go(cls, x):", ""),
    ("class {name}:\n    @staticmethod\n    def go(x):", ""),
    ("@often\ndef {name}():", ""),
    ("@every(5)\nasync def {name}():", ""),
    ("if flag:", ""),
    ("if flag:", "else:\n    print(1)"),
    ("if not flag:\n    pass\nelif items:", ""),
    ("try:", "except ValueError:\n    pass"),
    ("try:\n    pass\nfinally:", ""),
    ("with lock:", ""),
    ("for one in items:", "else:\n    print(1)"),
    ("while flag:", ""),
    ("match items:\n    case [one]:\n        pass\n    case _:", ""),
    ("def {name}():\n    def inner():", "    return inner"),
]  # fmt: skip
