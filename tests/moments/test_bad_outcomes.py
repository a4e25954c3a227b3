"""One outcome that PostgreSQL cannot store never keeps the others from being stored."""

from __future__ import annotations

from tests.moments.conftest import Make


def test_an_outcome_that_cannot_be_stored_is_singled_out_and_failed(make_host: Make) -> None:
    host = make_host(workers=3, tries=3)
    host.start()
    [bad] = host.put_all(["bad"], how="retry in an age", until="go")
    [again] = host.put_all(["again"], how="raise once", until="go")
    host.until(lambda: len(host.diary("begin")) == 2, "both run")
    host.proxy.leave()
    host.let_go("go")
    host.says("outcomes are kept")
    host.proxy.come_back()
    host.drained()
    assert host.story(again) == ["retry: once"]
    assert host.rows("SELECT id, cause FROM qsup.failed_jobs") == [(bad, "unstorable")]
    [(message,)] = host.rows("SELECT message FROM qsup.failed_jobs")
    assert message.startswith("its outcome could not be stored: ")


def test_an_error_s_text_is_cleaned_and_capped_before_it_is_sent(make_host: Make) -> None:
    host = make_host(tries=1)
    host.start()
    host.put("much", how="raise much")
    host.drained()
    [(message, stack)] = host.rows("SELECT message, traceback FROM qsup.failed_jobs")
    assert message.startswith("firstxxx")
    assert message.endswith(" characters left out …")
    assert max(len(message), len(stack)) < 65_000
    assert "\\0\\udc" not in message
    assert stack.rstrip().endswith(r"\0\ud800")
