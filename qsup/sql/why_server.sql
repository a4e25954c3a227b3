-- What can be said without the job: whether this server only reads, the newest id that was given (NULL: not ours to see),
-- the queues that the applied files serve, and the time.
SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only')::bool AS read_only,
       CASE WHEN has_sequence_privilege(i.ids, 'SELECT') THEN coalesce(pg_sequence_last_value(i.ids), 0) END AS newest,
       ARRAY(SELECT q.name FROM qsup.queues AS q WHERE q.retired_at IS NULL AND q.workers > 0 ORDER BY q.name) AS served,
       clock_timestamp() AS now
FROM (SELECT pg_get_serial_sequence('qsup.jobs', 'id')::regclass AS ids) AS i
