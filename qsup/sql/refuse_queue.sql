-- Raises what dispatch says to a queue that nobody hears: for whoever must tell the reason without dispatching.
SELECT qsup.refuse_queue(%(name)s::text)
