-- Connections that an earlier courier of this supervisor has left behind: one of them may still be claiming.
SELECT a.pid, pg_terminate_backend(a.pid) FROM pg_stat_activity AS a
WHERE a.application_name = %(name)s AND a.pid <> pg_backend_pid() AND a.datname = current_database()
