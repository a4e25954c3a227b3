-- Retired job classes that no row uses. The foreign key makes a dispatch that is under way win or fail, never dangle.
DELETE FROM qsup.job_types AS t
WHERE t.retired_at IS NOT NULL AND NOT EXISTS (SELECT FROM qsup.jobs AS j WHERE j.type = t.name)
RETURNING t.name
