"""What a Laravel application dispatches, and to which queues, read from its PHP source; nothing of it is ever run.

`syntax` parses, `source` knows names and files, `values` works out constant expressions, `laravel` the configuration,
`own` a class's own queue, `calls` the dispatching calls, `scan` all of it together, `compare` what is said about it.
"""
