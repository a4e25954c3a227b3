-- All declared queues, retired ones too: their rows are still served.
SELECT q.name FROM qsup.queues AS q ORDER BY q.name
