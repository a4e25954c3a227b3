"""The courier: the one process of a supervisor that knows the database.

`claims` decides what to ask for (pure), `record` writes what came back, `server` is the loop between the workers'
sockets and the claim connection, `listen` wakes it, `house` keeps house on a connection of its own, `control` talks to
the supervisor and answers its pings even while a query hangs.
"""
