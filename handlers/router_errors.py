"""What an error of a RouterOS router means for a job. Pure: texts in, classes out.

RouterOS has no error numbers: the text is all there is, and it differs from menu to menu and from version to version.
Duplicates are therefore matched loosely. Only what may go away by itself is worth another try.
"""

from __future__ import annotations

import re
import ssl

from librouteros.exceptions import ConnectionClosed, FatalError, LibRouterosError, MultiTrapError, TrapError

BROKEN_PROTOCOL = (ValueError, IndexError, TypeError, AttributeError)
"""What librouteros raises on replies that it cannot read (tried); a trap message of digits ends in AttributeError."""

ROUTER_ERRORS = (LibRouterosError, OSError, *BROKEN_PROTOCOL)
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

FLAGGED = {"auth": "credentials", "permission": "permission", "no-such-menu": "menu", "no-such-command": "menu"}
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
    try:
        return str(error) or type(error).__name__
    except BROKEN_PROTOCOL:
        return type(error).__name__


def class_of(error: BaseException) -> str:
    """The class of anything in ROUTER_ERRORS: a text's class, `network`, `tls`, or `protocol`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls"
    if isinstance(error, TrapError | MultiTrapError):
        return class_of_text(text_of(error))
    if isinstance(error, FatalError):
        known = class_of_text(text_of(error))
        return known if known == "auth" else "network"
    return "network" if isinstance(error, ConnectionClosed | OSError) else "protocol"


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the same command may succeed later: the network, a busy router, a reply cut in half."""
    return class_of(error) in {"network", "protocol", "transient", "cancelled", "closed"}
