-- It is served again; who sleeps is woken.
WITH resumed AS (
    UPDATE qsup.queues AS q SET paused_at = NULL, paused_by = NULL WHERE q.name = %(queue)s RETURNING q.name
)
SELECT pg_notify('qsup', r.name) FROM resumed AS r
