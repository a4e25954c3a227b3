-- Commands and their answers older than 90 days, in short batches.
DELETE FROM qsup.commands AS c
WHERE c.id = ANY (ARRAY(
    SELECT o.id FROM qsup.commands AS o WHERE o.at < clock_timestamp() - interval '90 days' ORDER BY o.at LIMIT 1000))
