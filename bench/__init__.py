"""The bench: qsup, the raw limits of PostgreSQL and the other job queues, side by side on one machine.

    make bench                                every measure, five rounds, written to docs/performance.md
    make bench QUICK=1                        one round of each, in under five minutes; writes nothing
    python -m bench drain pickup --rounds 3   some measures, their table on stdout

One server, one kind of job, one way of counting for everybody: the job appends (time, number, pid) to a file in memory,
and a rate is what that file says. docs/performance.md tells how to read the result.
"""
