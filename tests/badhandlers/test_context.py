"""A Context, and above all its transaction, used as it is not meant: nothing is lost, and nothing counts as done."""

from __future__ import annotations

import pytest

from tests.badhandlers.ward import Ward


def effects(ward: Ward) -> list[str]:
    return sorted(text for (text,) in ward.rows("SELECT text FROM effects"))


def test_a_second_transaction_is_refused_and_the_job_stays_done(ward: Ward) -> None:
    ward.open()
    assert ward.ends("uses two transactions") == ("", "", "")
    assert effects(ward) == ["first"]
    # The job's row goes with the first transaction, before the handler comes to its second one.
    ward.until(lambda: "it can be used once per run" in ward.template.log.read_text(), "the log says why")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("catches an error in it", "the handler caught an error of PostgreSQL, which has undone the whole block"),
        ("rolls back in it", "the handler ended the transaction itself"),
        ("rolls back in it and goes on", "the handler ended the transaction itself"),
    ],
)
def test_a_transaction_that_the_handler_has_broken_is_a_failed_try_and_not_a_done_job(
    ward: Ward, how: str, says: str
) -> None:
    ward.open(tries=2)
    cause, exception, message = ward.ends(how)
    assert (cause, exception) == ("tries", "RuntimeError")
    assert message.startswith(f"ctx.transaction(): {says}")
    assert effects(ward) == []
    assert len(ward.lines()) == 2
    ward.look()


def test_a_commit_inside_the_block_ends_the_job_once(ward: Ward) -> None:
    ward.open(tries=3)
    assert ward.ends("commits in it") == ("", "", "")
    assert effects(ward) == ["kept"]
    assert len(ward.lines()) == 1


@pytest.mark.parametrize("how", ["leaves its transaction open", "leaves a thread in its transaction"])
def test_a_transaction_that_is_left_open_is_undone_and_the_job_fails(ward: Ward, how: str) -> None:
    ward.open()
    pid = ward.look()["pid"]
    cause, _, message = ward.ends(how)
    assert cause == "tries"
    assert "its ctx.transaction() was still open when the handler ended" in message
    assert effects(ward) == []
    assert ward.look()["pid"] != pid


@pytest.mark.parametrize("text", ["", "with its transaction"])
def test_a_context_is_of_no_use_after_its_job_and_does_not_touch_the_next_one(ward: Ward, text: str) -> None:
    ward.open()
    assert ward.ends("keeps its context", text=text) == ("", "", "")
    if not text:
        # Only the last of KEPT is a transaction; without one the context itself is there.
        return
    assert ward.ends("uses the context that it kept") == ("", "", "")
    refusals = [line for line in ward.lines() if line.startswith("refused")]
    assert len(refusals) == 4
    assert all("has ended" in line for line in refusals)
    assert effects(ward) == ["mine"]


def test_its_transaction_ends_with_its_worker_and_with_its_time(ward: Ward) -> None:
    ward.open(timeout=20.0, grace=5.0)
    assert ward.ends("notes its settings") == ("", "", "")
    assert ward.lines()[1] == "1s 25s"


def test_its_key_is_the_same_in_every_try(ward: Ward) -> None:
    ward.open(tries=3)
    number = ward.bad("notes its key")
    ward.until(ward.over, "failed")
    assert [line for line in ward.lines() if line.startswith("key")] == [f"key {number} {one}" for one in (1, 2, 3)]


def test_its_progress_does_not_touch_its_row(ward: Ward) -> None:
    ward.open()
    assert ward.ends("notes its row") == ("", "", "")
    rows = [line for line in ward.lines() if line.startswith("row")]
    assert len(rows) == 2
    assert rows[0] == rows[1]
