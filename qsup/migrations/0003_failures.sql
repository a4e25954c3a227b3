-- oldest code: 1
-- What can be done with failed jobs: group them, run them again under the same id, discard them with an undo (ADR 0015).

ALTER TABLE qsup.failed_jobs
    -- The fence of its last claim: a job that is run again goes on above it.
    ADD COLUMN claim_number int NOT NULL DEFAULT 0,
    ADD COLUMN unique_key   text,
    -- The innermost function of the project in the traceback: `handlers/payments.py:charge`.
    ADD COLUMN frame        text NOT NULL DEFAULT '',
    -- What stands for exception and frame where no exception told: a signal, `timeout`, `memory`.
    ADD COLUMN symptom      text NOT NULL DEFAULT '',
    ADD COLUMN discarded_at timestamptz,
    -- The command that discarded it.
    ADD COLUMN discarded_by bigint,
    ADD CHECK (num_nulls(discarded_at, discarded_by) IN (0, 2));

-- The event of its failure tells the claim in which a job failed before this version.
UPDATE qsup.failed_jobs AS f
SET claim_number = coalesce((SELECT max(e.claim) FROM qsup.job_events AS e WHERE e.job_id = f.id), 0),
    symptom = CASE WHEN f.cause = 'quarantined' THEN coalesce(substring(f.message FROM 'times, last: (.*)$'), '')
                   WHEN f.exception = 'qsup.perform.TimeLimit' OR f.message LIKE 'it ignored its time limit%' THEN 'timeout'
                   WHEN f.message LIKE 'it used more than twice its memory limit%' THEN 'memory'
                   ELSE '' END;

-- Not md5: servers in FIPS mode refuse it, and no job could fail there. This hash is the one of hash partitioning, which
-- stays the same from version to version.
ALTER TABLE qsup.failed_jobs
    ADD COLUMN fingerprint text NOT NULL GENERATED ALWAYS AS (
        left(lpad(to_hex(hashtextextended(
            type || E'\n' || CASE symptom WHEN '' THEN exception || E'\n' || frame ELSE symptom END, 0)), 16, '0'), 10)
    ) STORED;

CREATE INDEX failed_jobs_at ON qsup.failed_jobs (failed_at, id);
CREATE INDEX failed_jobs_fingerprint ON qsup.failed_jobs (fingerprint, failed_at);
CREATE INDEX failed_jobs_discarded ON qsup.failed_jobs (discarded_at) WHERE discarded_at IS NOT NULL;
CREATE INDEX failed_jobs_discarded_by ON qsup.failed_jobs (discarded_by) WHERE discarded_by IS NOT NULL;

CREATE OR REPLACE VIEW qsup.laravel_failed_jobs AS
SELECT id, id::text AS uuid, 'qsup'::text AS connection, queue, payload::text AS payload,
       concat_ws(E'\n', nullif(concat_ws(': ', nullif(exception, ''), nullif(message, '')), ''), nullif(traceback, ''))
           AS exception, failed_at
FROM qsup.failed_jobs
WHERE discarded_at IS NULL;
