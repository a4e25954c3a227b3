-- The newest command whose discarded jobs can still be brought back.
SELECT f.discarded_by FROM qsup.failed_jobs AS f
WHERE f.discarded_by IS NOT NULL
ORDER BY f.discarded_by DESC LIMIT 1
