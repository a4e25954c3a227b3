"""The peers: job queues that PyPI offers, on PostgreSQL, a file, or Redis.

They live in a virtual environment of their own, so that their requirements are not qsup's. Each is run as its manual
says, one worker a process; what differs from that is in its name.
"""
