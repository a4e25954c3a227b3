"""The raw limits: the least that can be done for a job on the same server, in Python with the same driver.

No validation, no retries, no time limits, no supervision, nothing that survives a crash of its own: what is left is the
flush of the log, the round trip and the interpreter. Nobody can be faster than these and keep a durable commit per job.
"""
