-- The server's time, which is the one of every row.
SELECT clock_timestamp() AS now
