"""Two thousand seeded worlds: crashes, hangs, edits, bad code, pauses and stops in any order."""

from __future__ import annotations

import random

import pytest

from qsup.supervise import events
from qsup.supervise.model import Desired, Scale
from tests.supervise.world import World, fresh, queue, settled, wanted

WORLDS = 2000
NAMES = ("payments", "sms", "router", "low")
CODES = ("a" * 64, "b" * 64, "c" * 64)


def random_edit(chance: random.Random, generation: int) -> Desired:
    """Some of the queues, with some of the numbers."""
    names = chance.sample(NAMES, chance.randint(1, len(NAMES)))
    queues = [
        queue(
            name,
            workers=chance.choice((1, 2, 3, 8)),
            priority=chance.choice((1, 5, 10)),
            memory=chance.choice((128, 256)) * 2**20,
            tries=chance.choice((3, 5)),
            start=chance.choice(("fork", "fork", "exec")),
        )
        for name in names
    ]
    return wanted(*queues, generation=generation, code=chance.choice(CODES))


def live(world: World, chance: random.Random) -> None:
    """A minute or so of random happenings."""
    for generation in range(2, 2 + chance.randint(5, 25)):
        world.run(chance.choice((0.0, 0.05, 0.5, 3.0, 12.0)))
        if world.exited is not None:
            return
        match chance.choice(("accident", "accident", "accident", "edit", "pause", "suspend", "bad code", "curse",
                             "restart", "scale")):  # fmt: skip
            case "accident":
                world.accident()
            case "curse":
                world.cursed.add(chance.choice(sorted(world.state.slots)) if world.state.slots else "payments:0")
            case "edit":
                world.edit(random_edit(chance, generation))
            case "pause":
                world.tell(events.PauseAsked(chance.random() < 0.5))
            case "restart":
                queues = tuple(chance.sample(NAMES, chance.randint(1, len(NAMES))))
                world.tell(events.RestartAsked(queues, world.now))
                world.restarted.update(dict.fromkeys(queues, world.now))
            case "scale":
                scale = Scale(chance.choice((1, 2, 5)), tuple(chance.sample((1, 2, 3, 8), 2)))
                world.tell(events.Scaled({**world.state.scales, chance.choice(NAMES): scale}))
            case "suspend":
                world.now += chance.uniform(3, 3000)
            case "bad code":
                bad = f"bad {generation}".ljust(64, "x")
                world.broken.add(bad)
                world.edit(wanted(queue("payments", 2), generation=generation, code=bad))


def check_starts(world: World) -> None:
    """Crash loops are slowed down: the fullest minute of a world with at most 38 processes and 25 happenings, of which
    five may end the template of all workers. A loop that nothing slows down has thousands."""
    fullest = max(sum(begin <= start < begin + 60 for start in world.starts) for begin in world.starts)
    assert fullest <= 200, f"{fullest} starts in a minute"


@pytest.mark.parametrize("block", range(20))
def test_a_random_world_settles_as_soon_as_accidents_stop(block: int) -> None:
    for seed in range(block * WORLDS // 20, (block + 1) * WORLDS // 20):
        world = fresh(seed, embedded=seed % 3 == 0)
        chance = random.Random(seed)  # noqa: S311  reproducible accidents
        try:
            world.edit(wanted(queue("payments", 2), queue("sms", 1), code=CODES[0]))
            live(world, chance)
            world.heal()
            world.run_until(lambda world: settled(world) == "", 400.0)
            world.run(3.0)
            if world.exited is None:
                assert settled(world) == ""
            check_starts(world)
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}\n" + "\n".join(world.log[-60:]))


@pytest.mark.parametrize("now", [False, True])
def test_a_stop_in_the_middle_of_anything_ends_everything(now: bool) -> None:
    for seed in range(300):
        world = fresh(seed, embedded=seed % 3 == 0)
        chance = random.Random(seed)  # noqa: S311  reproducible accidents
        try:
            world.edit(wanted(queue("payments", 8), queue("sms", 1), code=CODES[0]))
            live(world, chance)
            world.tell(events.StopAsked(now))
            world.run(chance.choice((0.0, 0.2, 3.0)))
            world.accident()
            world.heal()
            world.run(400.0)
            assert world.exited is not None, f"still there: {world.workers} {world.children}"
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}\n" + "\n".join(world.log[-60:]))
