"""How a process ended, in words: for the operator and for the reason of what follows."""

from __future__ import annotations


def ended(status: int, cause: str, in_job: bool = False) -> str:
    """How a worker ended, in words."""
    match cause:
        case "timeout":
            return "was killed over its time limit"
        case "memory":
            return "was killed over twice its memory limit"
        case "lost":
            return "ended while nobody could see how"
        case "stopped":
            return "was killed by an immediate stop"
        case "cancelled" | "released":
            return f"was killed because its job was {cause}"
        case _:
            pass
    if status < 0:
        return f"died by signal {-status}"
    if in_job:
        return f"exited with status {status}"
    return {0: "left as asked", 12: "left over its memory limit"}.get(status, f"exited with status {status}")
