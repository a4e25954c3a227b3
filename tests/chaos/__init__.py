"""A whole `qsup run` under random disasters, and a verdict: `python -m tests.chaos --seed 7 --minutes 1 --jobs 3000`.

The seed decides what is ordered (`orders`), which accidents happen when (`accidents`) and how PostgreSQL is run. What
the machine makes of it is not deterministic: the same seed kills the same kind of process at the same second, but not
in the same instruction, and often not in the same job. A seed that failed is worth running several times.

`shop` is the project's code, `project` its folder and supervisor, `database` its PostgreSQL, `mischief` does the
accidents, `ledger` counts what came of the jobs, `verdict` judges, `run` puts it all together.
"""
