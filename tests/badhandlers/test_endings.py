"""However a handler ends or does not end: the job's story is right, the next job runs, no other queue notices."""

from __future__ import annotations

import pytest

from tests.badhandlers.ward import Ward

SOFT = "over its time limit of 1 s"
HARD = "it ignored its time limit and was killed at the hard end"


@pytest.mark.parametrize(
    ("how", "exception", "message"),
    [
        ("blocks the alarm and sleeps", "", HARD),
        ("sums in C", "", HARD),
        ("swallows BaseException", "", HARD),
        ("leaves its process group", "", HARD),
        ("swallows Exception", "qsup.perform.TimeLimit", SOFT),
        ("sleeps in C", "qsup.perform.TimeLimit", SOFT),
        ("computes a huge power", "qsup.perform.TimeLimit", SOFT),
        ("matches for ever", "qsup.perform.TimeLimit", SOFT),
        ("raises something else at its alarm", "ValueError", SOFT),
    ],
)
def test_a_handler_that_does_not_end_is_ended_and_charged_a_try(
    ward: Ward, how: str, exception: str, message: str
) -> None:
    ward.open(timeout=1.0, grace=1.0)
    pid = ward.look()["pid"]
    assert ward.ends(how) == ("tries", exception, message)
    assert ward.look()["pid"] != pid, "a worker that was interrupted somewhere went on"


@pytest.mark.parametrize(
    ("how", "exception", "message"),
    [
        ("blocks the loop", "qsup.perform.TimeLimit", SOFT),
        ("has a stubborn task", "", HARD),
        ("has a group of tasks", "BaseExceptionGroup", SOFT),
        ("has an executor that hangs", "qsup.perform.TimeLimit", SOFT),
    ],
)
def test_an_async_handler_that_does_not_end_is_ended_too(ward: Ward, how: str, exception: str, message: str) -> None:
    ward.open(timeout=1.0, grace=1.0)
    found = ward.ends(how, "ABad")
    assert found[0] == "tries"
    assert found[1:] in ((exception, message), ("", HARD), ("qsup.perform.TimeLimit", SOFT))
    ward.look()


def test_a_task_that_is_left_behind_ends_with_its_job(ward: Ward) -> None:
    ward.open()
    pid = ward.look()["pid"]
    assert ward.ends("leaves tasks", "ABad") == ("", "", "")
    assert ward.look()["pid"] == pid


def test_a_handler_that_swallows_its_alarm_and_returns_is_done_and_its_worker_leaves(ward: Ward) -> None:
    ward.open(timeout=0.5)
    pid = ward.look()["pid"]
    assert ward.ends("swallows its alarm and returns") == ("", "", "")
    assert ward.look()["pid"] != pid


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("os._exit(3)", "its worker exited with code 3 in the middle of the job"),
        ("os._exit(0)", "its worker exited with code 0 in the middle of the job"),
        ("kills its worker", "its worker was killed by signal 9 (SIGKILL)"),
    ],
)
def test_a_handler_that_ends_its_worker_is_quarantined_after_three_crashes(ward: Ward, how: str, end: str) -> None:
    ward.open()
    cause, _, message = ward.ends(how)
    assert (cause, message) == ("quarantined", f"it killed its worker 3 times, last: {end}")
    assert [line.split()[1:3] for line in ward.lines()] == [["1", "0"], ["1", "1"], ["1", "2"]]
    ward.look()


@pytest.mark.parametrize(
    ("text", "exception", "message"),
    [
        ("NUL", "ValueError", r"a\0b"),
        ("50 MB", "ValueError", "xxxx"),
        ("surrogates", "ValueError", r"\ud800\udfff"),
        ("unreadable", "badjobs.raising.Unreadable", "Unreadable (its text cannot be read: ValueError)"),
        ("recursing", "badjobs.raising.Recursing", "Recursing (its text cannot be read: RecursionError)"),
        ("exits when read", "badjobs.raising.Fatal", "Fatal (its text cannot be read: SystemExit)"),
        ("a group", "ExceptionGroup", "two (2 sub-exceptions)"),
        ("nested groups", "ExceptionGroup", "a group (1 sub-exception)"),
        ("5000 causes", "ValueError", "4999"),
        ("RecursionError", "RecursionError", "RecursionError"),
        ("MemoryError", "MemoryError", "MemoryError"),
        ("KeyboardInterrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("GeneratorExit", "GeneratorExit", "GeneratorExit"),
        ("StopIteration", "StopIteration", "StopIteration"),
        ("CancelledError", "asyncio.exceptions.CancelledError", "CancelledError"),
        ("SystemExit", "SystemExit", "3"),
        ("SystemExit with an object", "SystemExit", "[]"),
        ("Retry for no reason", "qsup.Retry", "Wordless (its text cannot be read: KeyError)"),
        ("Retry after words", "ValueError", "could not convert string to float: 'soon'"),
    ],
)
def test_whatever_is_raised_fails_the_job_and_not_its_worker(
    long_ward: Ward, text: str, exception: str, message: str
) -> None:
    pid = long_ward.look()["pid"]
    cause, found, said = long_ward.ends("raises", text=text)
    assert (cause, found) == ("tries", exception)
    assert said.startswith(message)
    assert len(said) < 70_000
    assert long_ward.look()["pid"] == pid


def test_a_discard_whose_reason_cannot_be_read_is_a_discard(long_ward: Ward) -> None:
    assert long_ward.ends("raises", text="Discard for no reason")[::2] == (
        "discarded",
        "Wordless (its text cannot be read: KeyError)",
    )


@pytest.mark.parametrize("text", ["Retry after ever", "Retry after nan", "Retry after ages"])
def test_a_retry_at_no_possible_time_fails_the_job_and_says_so(ward: Ward, text: str) -> None:
    ward.open(tries=3)
    cause, _, message = ward.ends("raises", text=text)
    assert cause in ("unstorable", "tries")
    assert message
    ward.look()


def test_a_retry_in_the_past_is_one_at_once(ward: Ward) -> None:
    ward.open(tries=2)
    assert ward.ends("raises", text="Retry in the past")[0] == "tries"


def test_a_handler_that_is_annotated_wrongly_fails_and_says_what_is_expected(long_ward: Ward) -> None:
    cause, exception, message = long_ward.ends("", "Odd")
    assert (cause, exception) == ("tries", "qsup.perform.HandlerMissing")
    assert message == "badjobs.handlers:odd does not say its job class: annotate its first parameter with Odd"
    long_ward.look()


@pytest.mark.parametrize(
    ("hook", "times", "event"),
    [("hook_raises", 3, "also the hook"), ("hook_hangs", 3, HARD), ("hook_kills", 3, "it killed its worker 3 times")],
)
def test_a_failed_hook_that_fails_is_tried_three_times_and_the_failed_job_stays(
    ward: Ward, hook: str, times: int, event: str
) -> None:
    ward.open(failed=f"badjobs.hooks:{hook}", timeout=0.5, grace=0.5)
    cause, exception, message = ward.ends("raises", text="NUL")
    assert (cause, exception, message) == ("tries", "ValueError", r"a\0b")
    assert len([line for line in ward.lines() if line.startswith("hook")]) == times
    details = [detail for (detail,) in ward.rows("SELECT detail FROM qsup.job_events ORDER BY id")]
    assert details[-1].startswith(event)
    ward.look()


@pytest.mark.parametrize("how", ["eats memory quickly", "eats memory slowly"])
def test_a_handler_that_eats_memory_is_killed_at_twice_its_limit_and_charged_a_try(ward: Ward, how: str) -> None:
    ward.open(timeout=60.0, memory=60 << 20)
    assert ward.ends(how) == ("tries", "", "it used more than twice its memory limit and was killed")
    assert ward.rows("SELECT attempts, crashes FROM qsup.failed_jobs") == [(1, 0)]
    assert [death.cause for death in ward.deaths] == ["memory"]
    ward.look()


def test_the_stack_at_the_time_limit_is_kept(ward: Ward) -> None:
    ward.open(timeout=0.5)
    ward.ends("swallows Exception")
    [(stack,)] = ward.rows("SELECT traceback FROM qsup.failed_jobs")
    assert "in swallow_exceptions" in stack
    assert stack.rstrip().endswith("qsup.perform.TimeLimit")
