"""Handlers that say too much."""

# ruff: noqa: ARG001  bad on purpose

from __future__ import annotations

import os

import qsup

from .jobs import Bad


def print_a_line(job: Bad, ctx: qsup.Context) -> None:
    print("x" * 100_000_000)


def print_lines(job: Bad, ctx: qsup.Context) -> None:
    for _ in range(1_000_000):
        print("x" * 99)


def print_bits(job: Bad, ctx: qsup.Context) -> None:
    for _ in range(100_000):
        print("x" * 1000, end="")


def print_rubbish(job: Bad, ctx: qsup.Context) -> None:
    os.write(1, bytes(range(256)) * 100)


def progress_flood(job: Bad, ctx: qsup.Context) -> None:
    for number in range(100_001):
        ctx.progress(number / 1000, "on and on")
