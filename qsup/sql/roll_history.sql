-- Make tomorrow's partition of the history, drop those of days that nobody keeps.
SELECT qsup.roll_history(make_interval(secs => %(keep)s::float8))
