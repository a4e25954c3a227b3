-- How many jobs of a queue are running.
SELECT count(*) FROM qsup.jobs AS j WHERE j.queue = %(queue)s AND j.state = 'running'
