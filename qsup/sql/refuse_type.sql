-- Raises what dispatch says to a job class that is not declared: for whoever must tell the reason without dispatching.
SELECT qsup.refuse_type(%(name)s::text)
