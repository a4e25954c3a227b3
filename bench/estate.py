"""Projects to validate, made from a seed: a monolith in Python, and a Laravel application.

Files are 100 to 150 lines long. One in twenty-five of Python dispatches, in the forms that tests/check knows; some
import and pass on what others dispatch; most do neither.
"""

from __future__ import annotations

import random
from pathlib import Path

JOBS = 60
"""Job classes, spread over ten modules of `jobs`."""
FILES_OF_A_PACKAGE = 25
DISPATCHING = 0.04
"""The part of the files that dispatches; as many more only have the word in them (a view's own `dispatch`)."""

NOUNS = ("invoice", "ledger", "session", "router", "voucher", "tariff", "customer", "receipt", "balance", "refund")
VERBS = ("load", "save", "check", "render", "notify", "merge", "split", "price", "close", "open", "expire", "rename")

HEAD = '''\
"""{noun} {verb}: rows of the ledger as the back office sees them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import models
{imports}

log = logging.getLogger(__name__)
LIMIT_{number} = {number}


class {Noun}Error(Exception):
    """What {verb} refuses."""


class {Noun}(models.Model):
    name = models.CharField(max_length=80)
    amount = models.IntegerField(default=0)

    class Meta:
        ordering = ["-name"]


@dataclass(frozen=True)
class {Noun}Row:
    name: str
    amount: int = 0
    due: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def late(self, now: datetime) -> bool:
        return self.due is not None and self.due + timedelta(days=LIMIT_{number}) < now
'''

FUNCTION = '''

def {verb}_{noun}_{at}(rows: list[{Noun}Row], factor: int = 1) -> dict[str, int]:
    """Sums by name; {verb} leaves out what is not due."""
    found: dict[str, int] = {{}}
    for row in rows:
        if row.amount <= 0:
            log.debug("nothing to %s for %s", "{verb}", row.name)
            continue
        share = row.amount * factor // max(len(rows), 1)
        found[row.name] = found.get(row.name, 0) + share
    if not found:
        raise {Noun}Error(f"no {noun} of {{len(rows)}} is due")
    return {{name: amount for name, amount in sorted(found.items()) if amount > LIMIT_{number}}}
'''

WORD = """

class {Noun}View:
    def dispatch(self, request, *args):
        return getattr(self, request.method.lower())(request, *args)
"""

SITES = [
    "def send_{at}(amount: int) -> None:\n    {Job}(amount=amount).dispatch()",
    "def send_{at}(amount: int) -> None:\n    job = {Job}(amount=amount)\n    job.dispatch(queue='{queue}')",
    "def send_{at}(amounts: list[int]) -> None:\n    qsup.dispatch_many([{Job}(amount=one) for one in amounts])",
    "send_{at} = functools.partial(qsup.dispatch, queue='{queue}')\nsend_{at}({Job}(amount=1))",
    "def send_{at}(job: {Job}) -> None:\n    job.dispatch()",
    "class Sender{at}:\n    kind = {Job}\n\n    def send(self) -> None:\n        self.kind(amount=1).dispatch()",
    "def send_{at}(pool, job: {Job}) -> None:\n    pool.submit(job.dispatch)",
    "def send_{at}(job) -> None:\n    job.dispatch()  # qsup: dispatches {Job}",
]


PHP_KINDS = ("Job", "Controller", "Model", "Listener", "Mail", "Service")

PHP_FILE = """\
<?php

namespace App\\{Kind}s;

use App\\Jobs\\Charge{job}Job;
use Illuminate\\Bus\\Queueable;
use Illuminate\\Contracts\\Queue\\ShouldQueue;
use Illuminate\\Foundation\\Bus\\Dispatchable;

/** {noun} {verb}. */
class {name}{implements}
{{
    const LIMIT = {number};

    private array $seen = [];
{body}}}
"""

PHP_METHOD = """
    public function {verb}{at}(array $rows, int $factor = 1): array
    {{
        $found = [];
        foreach ($rows as $row) {{
            if ($row->amount <= 0) {{
                continue;
            }}
            $share = intdiv($row->amount * $factor, max(count($rows), 1));
            $found[$row->name] = ($found[$row->name] ?? 0) + $share;
        }}
        if ($found === []) {{
            throw new \\RuntimeException("no {noun} of " . count($rows) . " is due");
        }}
        return array_filter($found, fn ($amount) => $amount > self::LIMIT);
    }}
"""

PHP_SITES = (
    "Charge{job}Job::dispatch($id);",
    "Charge{job}Job::dispatch($id)->onQueue('{queue}');",
    "dispatch(new Charge{job}Job($id));",
    "\\Illuminate\\Support\\Facades\\Queue::pushOn('{queue}', new Charge{job}Job($id));",
)


def python_file(number: int, chance: random.Random, dispatching: float) -> str:
    """One module of the monolith, 100 to 150 lines."""
    noun, verb = chance.choice(NOUNS), chance.choice(VERBS)
    words = {"noun": noun, "Noun": noun.capitalize(), "verb": verb, "number": number}
    kind = chance.random()
    other = chance.randrange(max(number, 1))
    imports = [f"from {module_of(other)} import LIMIT_{other}"]
    text = ""
    if kind < dispatching:
        job = chance.randrange(JOBS)
        imports += ["import functools", "import qsup", f"from jobs.kind{job % 10} import Job{job}"]
        forms = chance.sample(SITES, 2)
        text = "".join(
            "\n\n" + form.format(at=at, Job=f"Job{job}", queue=f"queue{job % 7}", **words) + "\n"
            for at, form in enumerate(forms)
        )
    elif kind < 2 * dispatching:
        text = WORD.format(**words)
    elif kind < 2.2 * dispatching:
        imports += ["from jobs.door import enqueue"]
        text = "\n\ndef hand_on(job) -> None:\n    enqueue(job)  # qsup: dispatches Job1\n"
    body = HEAD.format(imports="\n".join(imports), **words) + text
    at = 0
    while body.count("\n") < 100 + number % 36:
        body += FUNCTION.format(at=at, **{**words, "verb": VERBS[(number + at) % len(VERBS)]})
        at += 1
    return body


def module_of(number: int) -> str:
    """The dotted name of the module with this number."""
    package = number // FILES_OF_A_PACKAGE
    return f"app.area{package // 20}.part{package}.module{number}"


def python_project(root: Path, files: int, seed: int, dispatching: float = DISPATCHING) -> None:
    """A queues.yaml, its jobs, and `files` modules below app/."""
    chance = random.Random(seed)  # noqa: S311  a project, no secret
    jobs = root / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "__init__.py").write_text("")
    (jobs / "door.py").write_text("import qsup\n\nenqueue = qsup.dispatch\n")
    for part in range(10):
        classes = "".join(f"\n\nclass Job{at}(qsup.Job):\n    amount: int = 0\n" for at in range(part, JOBS, 10))
        (jobs / f"kind{part}.py").write_text(f"import qsup\n{classes}\n\ndef run(job, ctx):\n    pass\n")
    for number in range(files):
        file = root / (module_of(number).replace(".", "/") + ".py")
        if number % FILES_OF_A_PACKAGE == 0:
            file.parent.mkdir(parents=True)
            (file.parent / "__init__.py").write_text("")
        file.write_text(python_file(number, chance, dispatching))
    (root / "queues.yaml").write_text(queues_yaml("app"))


def queues_yaml(code: str) -> str:
    """A file that serves every job of the project."""
    queues = "".join(f"  queue{at}: {{workers: 2}}\n" for at in range(7))
    jobs = "".join(f"  Job{at}: {{queue: queue{at % 7}, handler: 'jobs.kind{at % 10}:run'}}\n" for at in range(JOBS))
    return f"version: 1\nqueues:\n{queues}jobs:\n{jobs}code: [{code}]\n"


def php_file(number: int, files: int, chance: random.Random) -> tuple[str, str]:
    """The path and the text of one class of a Laravel application, about 120 lines; one in eight dispatches."""
    kind, job = PHP_KINDS[number % len(PHP_KINDS)], chance.randrange(max(files // len(PHP_KINDS), 1))
    noun, queue = chance.choice(NOUNS), f"queue{job % 7}"
    name = f"Charge{number}Job" if kind == "Job" else f"{noun.capitalize()}{number}{kind}"
    body = ""
    if kind == "Job":
        body = "    use Dispatchable, Queueable;\n\n    public function __construct(public $id)\n    {\n"
        body += f"        $this->onQueue('{queue}');\n    }}\n"
    elif kind == "Listener":
        body = f"    public $queue = '{queue}';\n"
    elif chance.random() < 0.2:
        site = chance.choice(PHP_SITES).format(job=job * len(PHP_KINDS), queue=queue)
        body = f"\n    public function send($id): void\n    {{\n        {site}\n    }}\n"
    for at in range(6):
        body += PHP_METHOD.format(verb=VERBS[(number + at) % len(VERBS)], noun=noun, at=at)
    implements = " implements ShouldQueue" if kind in ("Job", "Listener") else ""
    text = PHP_FILE.format(
        Kind=kind, job=job * len(PHP_KINDS), noun=noun, verb=VERBS[number % len(VERBS)], name=name,
        implements=implements, number=number, body=body,
    )  # fmt: skip
    return f"app/{kind}s/{name}.php", text


def php_project(root: Path, files: int, seed: int) -> None:
    """A Laravel application with `files` classes beside a queues.yaml whose queues hear its jobs."""
    chance = random.Random(seed)  # noqa: S311  a project, no secret
    for number in range(files):
        name, text = php_file(number, files, chance)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "composer.json").write_text('{"autoload": {"psr-4": {"App\\\\": "app/"}}}')
    queues = "".join(f"  queue{at}: {{workers: 2}}\n" for at in range(7))
    (root / "queues.yaml").write_text(f"version: 1\nqueues:\n{queues}jobs: {{}}\ncode: [app]\n")
