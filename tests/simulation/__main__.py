"""`python -m tests.simulation SEED [UNTIL]`: live one schedule, or many, and say what came of it."""

from __future__ import annotations

import sys

from tests.simulation.world import Broken, World


def main(arguments: list[str]) -> int:
    """1 when an invariant was broken."""
    first = int(arguments[0])
    broken = 0
    for seed in range(first, int(arguments[1]) if len(arguments) > 1 else first + 1):
        world = World(seed)
        try:
            world.live()
        except Broken as error:
            broken += 1
            print(f"seed {seed}: {error}")
    print(f"{broken} broken")
    return min(1, broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
