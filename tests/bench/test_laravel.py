"""Laravel takes part where Debian's packages of its queue are; elsewhere the page says that it does not."""

from __future__ import annotations

from bench.peers import environment, laravel


def test_laravel_is_told_the_parts_of_a_connection() -> None:
    assert laravel.where("host=/run/pg port=6000 dbname=run_laravel user=qsup") == {
        "BENCH_HOST": "/run/pg", "BENCH_PORT": "6000", "BENCH_DATABASE": "run_laravel", "BENCH_USER": "qsup",
    }  # fmt: skip


def test_a_port_that_libpq_leaves_out_is_the_usual_one() -> None:
    assert laravel.where("postgresql://qsup@/run_laravel?host=/run/pg")["BENCH_PORT"] == "5432"


def test_it_is_named_as_left_out_exactly_where_it_is_not_installed() -> None:
    said = [sentence for sentence in environment.left_out({}) if sentence.startswith("Laravel is left out")]
    assert len(said) == (not laravel.is_there())
    assert bool(laravel.version()) == laravel.is_there()
