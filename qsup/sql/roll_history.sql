-- Make tomorrow's partition of the history, drop those of days that no declared queue keeps.
SELECT qsup.roll_history()
