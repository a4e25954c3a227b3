"""The size of modules and functions, printed and limited: what fits on a screen is read."""

from __future__ import annotations

import statistics

import pytest

from tests.project.source import modules

MODULE_LINES = 300
FUNCTION_LINES = 50
MOST_FUNCTIONS = 25
MEDIAN_FUNCTION = 8

OURS = modules("qsup", "handlers", "bench")


def test_no_module_is_long() -> None:
    lines = {module.shown: len(module.text.splitlines()) for module in OURS}
    long = [f"{name} has {count} lines: split it" for name, count in lines.items() if count > MODULE_LINES]
    assert not long, "\n".join(long)


def test_no_function_is_long() -> None:
    long = [
        f"{module.shown}:{line} {name}: {size} lines"
        for module in OURS
        for name, line, size in module.functions
        if size > FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_most_functions_are_short(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = sorted(size for module in OURS for _, _, size in module.functions)
    median, ninety = statistics.median(sizes), sizes[int(len(sizes) * 0.9)]
    lengths = [len(module.text.splitlines()) for module in OURS]
    with capsys.disabled():
        print(
            f"\n{len(OURS)} modules, {sum(lengths)} lines, longest {max(lengths)}, "
            f"median {statistics.median(lengths):g}; "
            f"{len(sizes)} functions, median {median:g} lines, nine in ten under {ninety + 1}, longest {sizes[-1]}"
        )
    assert median <= MEDIAN_FUNCTION
    assert ninety < MOST_FUNCTIONS
