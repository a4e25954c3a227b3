"""The keys of queues.yaml: frozen pydantic models, whose descriptions are also the JSON Schema's and the reference's.

A key's own type (`values`) says what it expects in the words a person reads; `faults` puts the place in front.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from qsup.values import (
    JOB_NAME,
    QUEUE_NAME,
    Backoff,
    Count,
    Duration,
    HandlerName,
    Paths,
    Positive,
    Prefetch,
    QueueName,
    Rank,
    Share,
    Size,
    Start,
    Text,
    Tries,
    Version,
    Workers,
)

LATER = {
    "schedules": "jobs put in by the clock",
    "logs": "files for the workers' output",
    "hosts": "which host runs which queues",
    "http": "the dashboard and health checks",
    "on_host_loss": "what happens to a lost host's jobs",
    "code_reload": "new code without a restart",
    "auto_rollback": "back to the last good code by itself",
    "rollback_after": "when it goes back",
}
LATER_IN_QUEUE = {
    "moved_to": "where the jobs of a removed queue go",
    "concurrency": "how many of its jobs may run at once",
    "rate": "how many of its jobs may start per time",
    "breaker": "a pause after many failures",
    "wait_slo": "how long a job may wait",
    "fail_slo": "what share may fail",
    "on_host_loss": "what happens to a lost host's jobs",
    "hosts": "which hosts serve it",
}
LATER_IN_JOB = {
    "moved_to": "the job class's new name",
    "concurrency": "how many may run at once",
    "rate": "how many may start per time",
    "breaker": "a pause after many failures",
    "on_host_loss": "what happens to a lost host's jobs",
}


def _later(keys: dict[str, str]) -> Callable[[dict[str, Any]], None]:
    """Adds the later keys to a JSON Schema: an editor knows them, and says that they are not allowed yet."""

    def extend(schema: dict[str, Any]) -> None:
        for name, purpose in keys.items():
            note = f"Known, but not in this version yet: {purpose}."
            schema.setdefault("properties", {})[name] = {"description": note, "not": {}}

    return extend


class Section(BaseModel):
    """A mapping of the file: nothing but its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(Section):
    """What `defaults:` gives to every queue, and a queue may set for itself. None = not said here."""

    sleep: Positive | None = Field(
        None, description="The longest idle wait between looks at the queue; a notification wakes a worker sooner."
    )
    tries: Tries | None = Field(None, description="How often a job is tried before it has failed for good.")
    timeout: Positive | None = Field(
        None,
        description="How long a job may run. Its hard end, its lease and all stop waits follow from this and `grace`.",
    )
    backoff: Backoff | None = Field(None, description="The waits after try 1, 2, 3 …; the last one repeats.")
    jitter: Share | None = Field(None, description="How much each wait is varied, up and down; 0 = not at all.")
    memory: Size | None = Field(
        None, description="Looked at after each job: a worker above it is replaced; above twice that it is killed."
    )
    max_time: Duration | None = Field(
        None, description="The age at which a worker is replaced between jobs; 0 = no limit."
    )
    max_jobs: Count | None = Field(
        None, description="The number of jobs after which a worker is replaced; 0 = no limit."
    )
    grace: Duration | None = Field(None, description="The time between the soft and the hard end of a job.")
    max_crashes: Tries | None = Field(
        None, description="A job that has killed its worker this often is put aside (quarantined)."
    )
    prefetch: Prefetch | None = Field(
        None,
        description="Jobs that may wait in a worker's socket: auto (some, while jobs are short) or a number; 0 = none, "
        "each is sent when the end of the one before is stored.",
    )
    keep: Duration | None = Field(None, description="How long finished jobs stay in the history; 0 = they are deleted.")
    start: Start | None = Field(
        None, description="fork: workers are forked from a template that has imported the code; exec: for unsafe code."
    )


class Defaults(Settings):
    """What every queue inherits."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_later(LATER_IN_QUEUE))


class QueueEntry(Settings):
    """One queue."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_later(LATER_IN_QUEUE))

    workers: Workers | None = Field(None, description="How many workers serve it, each one job at a time.")
    workers_of: QueueName | None = Field(
        None, description="Instead of `workers`: the queue whose workers serve this one too, when their own is empty."
    )
    priority: Rank | None = Field(
        None,
        description="The order in which queues start (low first) and stop (high first), as in supervisord; 999 when "
        "left out. It is not a job's priority.",
    )
    purpose: Text | None = Field(None, description="What the queue is for, in words; shown by status and explain.")


class JobEntry(Section):
    """One job class: where it goes and who does it. What it leaves out is the queue's."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_later(LATER_IN_JOB))

    queue: QueueName = Field(description="The queue it goes to; it must be declared under `queues:` and be served.")
    handler: HandlerName = Field(description="The function that does the work, as `module:function`.")
    failed: HandlerName | None = Field(
        None, description="A function called once when the job has failed for good, as `module:function`."
    )
    tries: Tries | None = Field(None, description="Instead of the queue's.")
    timeout: Positive | None = Field(None, description="Instead of the queue's.")
    backoff: Backoff | None = Field(None, description="Instead of the queue's.")
    purpose: Text | None = Field(None, description="What the job does, in words.")


class Document(Section):
    """queues.yaml"""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_later(LATER))

    version: Version = Field(description="The version of this format: 1.")
    database: Text | None = Field(
        None,
        description="Which PostgreSQL, as a URL or libpq's key=value text. Usually left out: QSUP_DATABASE_URL comes "
        "before it, DATABASE_URL and libpq's variables after it, and the embedded PostgreSQL last.",
    )
    database_file: Text | None = Field(
        None, description="Instead of `database`: a file that holds it (a mounted secret), relative to this file."
    )
    payload_limit: Size | None = Field(None, description="The largest payload of a job, as JSON; 1MB when left out.")
    defaults: Defaults = Field(Defaults(), description="What every queue inherits unless it sets its own.")
    queues: dict[str, QueueEntry] = Field(
        description="The queues by name.",
        json_schema_extra={"propertyNames": {"pattern": f"^{QUEUE_NAME}$"}, "minProperties": 1},
    )
    jobs: dict[str, JobEntry] = Field(
        {},
        description="The job classes by name: a job class that is not here cannot be dispatched.",
        json_schema_extra={"propertyNames": {"pattern": f"^{JOB_NAME}$"}},
    )
    code: Paths = Field((), description="The folders and files in which `qsup validate` looks for dispatching code.")


BUILT_IN: dict[str, Any] = {
    "sleep": "3s",
    "tries": 3,
    "timeout": "60s",
    "backoff": ["5s", "15s", "60s"],
    "jitter": "10%",
    "memory": "128MB",
    "max_time": "1h",
    "max_jobs": 0,
    "grace": "10s",
    "max_crashes": 3,
    "prefetch": "auto",
    "keep": 0,
    "start": "fork",
}
"""What holds when neither the queue nor `defaults:` says anything, as one would write it."""

PAYLOAD_LIMIT = "1MB"
PRIORITY = 999

OF_THE_WORKER = ("memory", "max_time", "max_jobs", "prefetch", "start", "sleep", "priority")
"""Settings of a worker, not of a job: a queue without workers of its own cannot have them."""
