"""Loaded by every Python process whose PYTHONPATH has this folder: the faults and the clock of tests/moments."""

from tests.moments.inside import install

install()
