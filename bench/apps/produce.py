"""`python -m bench.apps.produce NAME MODE …`: put jobs in, in the interpreter of the one who does; JSON on stdout.

fill COUNT              so many no-op jobs                          → null
slow COUNT SECONDS      so many that take their time                → null
one SECONDS CONNECTIONS one after the other, each durable           → jobs a second
many SECONDS SIZE       SIZE with each call                         → jobs a second
pickup COUNT GAP        one every GAP seconds, on idle workers      → [nanoseconds before the call, …]
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time

from bench.apps.producers import PRODUCERS, Producer

COUNT = struct.Struct("<Q")


def main(name: str, mode: str, *numbers: float) -> object:
    """The answer of a mode."""
    made = PRODUCERS[name]
    match mode:
        case "fill":
            fill(made(), int(numbers[0]))
        case "slow":
            producer = made()
            for number in range(int(numbers[0])):
                producer.slow(number, numbers[1])
        case "one":
            return together(made, numbers[0], int(numbers[1]))
        case "many":
            return in_calls(made(), numbers[0], int(numbers[1]))
        case "pickup":
            return one_by_one(made(), int(numbers[0]), numbers[1])
        case _:
            raise ValueError(mode)
    return None


def fill(producer: Producer, count: int) -> None:
    """One by one where there is no other way."""
    try:
        producer.many(range(count))
    except NotImplementedError:
        for number in range(count):
            producer.one(number)


def together(made: type[Producer], seconds: float, connections: int) -> float:
    """So many processes with a connection each, at the same time."""
    said, say = os.pipe()
    gate, open_gate = os.pipe()
    for index in range(connections):
        if os.fork() == 0:
            os.close(open_gate)
            os.write(say, alone(made(), say, gate, seconds, index * 10**7))
            os._exit(0)
    _numbers(said, connections)
    os.close(open_gate)
    return sum(_numbers(said, connections)) / seconds


def alone(producer: Producer, say: int, gate: int, seconds: float, first: int) -> bytes:
    """How many one producer puts in, once all are connected."""
    producer.one(first)
    os.write(say, COUNT.pack(0))
    os.read(gate, 1)
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        count += 1
        producer.one(first + count)
    return COUNT.pack(count)


def _numbers(said: int, expected: int) -> list[int]:
    # Writes this short are whole; a producer that dies leaves us waiting, which the caller's time limit ends.
    return [int(COUNT.unpack(os.read(said, COUNT.size))[0]) for _ in range(expected)]


def in_calls(producer: Producer, seconds: float, size: int) -> float:
    """With one call for `size` jobs."""
    producer.many(range(size))
    count, begin = 0, time.monotonic()
    while time.monotonic() < begin + seconds:
        producer.many(range(count, count + size))
        count += size
    return count / (time.monotonic() - begin)


def one_by_one(producer: Producer, count: int, gap: float) -> list[int]:
    """When each call began. The first few only wake everything up."""
    begun = []
    for number in range(count):
        time.sleep(gap)
        begun.append(time.time_ns())
        producer.one(number)
    return begun


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))))
