"""What an error of a RouterOS router means for a job. Pure: texts in, classes out.

RouterOS has no error numbers: the text is all there is, and it differs from menu to menu and from version to version.
Duplicates are therefore matched loosely. Only what may go away by itself is worth another try.
"""

from __future__ import annotations

import re

from librouteros.exceptions import ConnectionClosed, FatalError, LibRouterosError, MultiTrapError, TrapError


class TlsRefused(Exception):
    """The router and we do not agree on TLS, or its certificate is not to be trusted. Trying again changes nothing."""


BROKEN_PROTOCOL = (ValueError, LookupError, TypeError, AttributeError, StopIteration)
"""What librouteros raises on replies that it cannot read (tried); a challenge that is missing is a StopIteration."""

ROUTER_ERRORS = (LibRouterosError, TlsRefused, OSError, *BROKEN_PROTOCOL)
"""Everything that talking to a router can raise: socket errors come unwrapped."""

CLASSES = [
    ("auth", r"invalid user name or password|cannot log in|not logged in|too many commands before login"),
    ("permission", r"not enough permissions"),
    ("closed", r"session terminated on request"),
    ("cancelled", r"^interrupted$"),
    ("transient", r"std failure: timeout"),
    ("no-such-menu", r"no such command prefix|no such command or directory"),
    ("no-such-command", r"no such command"),
    ("gone", r"no such item|missing or invalid resource identifier"),
    ("bug", r"^missing =?\.id|^unknown parameter|^missing value\(s\)|expected end of command|can not move object"),
    ("missing-reference", r"input does not match any value of"),
    ("conflict", r"server or relay with such interface|with this ip address|group has some users"),
    ("bad-value", r"ambiguous value|invalid value|value of .* (must|out of range)|too long|invalid network"),
    ("duplicate", r"already (have|exists|added)|such name exists|already exists"),
]
PATTERNS = [(name, re.compile(pattern, re.IGNORECASE)) for name, pattern in CLASSES]

FLAGGED = {
    "auth": "credentials",
    "permission": "permission",
    "no-such-menu": "menu",
    "no-such-command": "menu",
    "tls": "tls",
}
"""Classes that are the router's own problem, and the word that `routers.problem` gets for it."""


def class_of_text(text: str) -> str:
    """The class of a trap or fatal text; "unknown" when no pattern knows it."""
    return next((name for name, pattern in PATTERNS if pattern.search(text)), "unknown")


def text_of(error: BaseException) -> str:
    """The router's words, or the kind of a network error; never raises."""
    if isinstance(error, MultiTrapError):
        return ", ".join(text_of(trap) for trap in error.traps)
    if isinstance(error, TrapError):
        return str(error.message)
    if isinstance(error, UnicodeError):
        # Its own text quotes the letter, and what could not be sent may be the password.
        return "a letter in what we send (user, password, a name) cannot be written in this login's encoding"
    said = str(error) or type(error).__name__
    understood = isinstance(error, FatalError) or class_of(error) != "protocol"
    return said if understood else f"its answer cannot be understood ({said})"


def class_of(error: BaseException) -> str:
    """The class of anything in ROUTER_ERRORS: a text's class, `network`, `tls`, or `protocol`."""
    if isinstance(error, TlsRefused):
        return "tls"
    if isinstance(error, UnicodeError):
        return "bug"
    if isinstance(error, TrapError | MultiTrapError):
        return class_of_text(text_of(error))
    if isinstance(error, FatalError):
        known = class_of_text(text_of(error))
        return known if known in {"auth", "closed"} else "network"
    return "network" if isinstance(error, ConnectionClosed | OSError) else "protocol"


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the same command may succeed later: the network, a busy router, a reply cut in half."""
    return class_of(error) in {"network", "protocol", "transient", "cancelled", "closed"}
