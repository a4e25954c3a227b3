"""supervisord's files, read by supervisord's own rules without supervisord, and what is to be said about them.

Nothing is started, no user or folder need exist, and every key keeps its line: see docs/adr/0021.
"""
