-- The newest migration of this database, and the oldest code that may work on it.
SELECT v.version, v.oldest_code FROM qsup.schema_versions AS v ORDER BY v.version DESC LIMIT 1
