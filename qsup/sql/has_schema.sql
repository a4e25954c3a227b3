-- Whether this database has ever been migrated.
SELECT to_regclass('qsup.schema_versions') IS NOT NULL
