"""A worker sees whether its descriptors are still its own, by a mark in the kernel or by inode and device."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from qsup import ownfiles
from qsup.ownfiles import OwnFiles


@pytest.fixture(params=["marks", "inodes"])
def descriptors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Five open files, as a worker has them."""
    if request.param == "inodes":
        monkeypatch.setattr(ownfiles, "SET", None)
    elif ownfiles.SET is None:
        pytest.skip("only Linux marks open files")
    pair, wake = socket.socketpair(), socket.socketpair()
    files = [pair[0].detach(), wake[0].detach(), wake[1].detach(), os.open(__file__, os.O_RDONLY), pair[1].detach()]
    yield files
    for one in files:
        os.close(one)


def test_what_nobody_touches_is_there(descriptors: list[int]) -> None:
    own = OwnFiles(descriptors)
    assert own.are_there()
    assert OwnFiles(descriptors).are_there()
    assert own.are_there()


@pytest.mark.parametrize("number", range(5))
def test_a_closed_one_is_missed(descriptors: list[int], number: int) -> None:
    own = OwnFiles(descriptors)
    with open(os.devnull) as other:
        os.close(descriptors[number])
        assert not own.are_there()
        os.dup2(other.fileno(), descriptors[number])
    assert not own.are_there(), "another file has its number"


def test_one_that_is_put_in_the_place_of_another_of_ours_is_not_taken_for_it(descriptors: list[int]) -> None:
    own = OwnFiles(descriptors)
    os.dup2(descriptors[4], descriptors[0])
    assert not own.are_there()


def test_a_process_that_shares_them_finds_the_same(descriptors: list[int]) -> None:
    own = OwnFiles(descriptors)
    child = os.fork()
    if child == 0:
        os._exit(0 if OwnFiles(descriptors).are_there() and own.are_there() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert own.are_there()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux marks open files")
def test_where_the_kernel_refuses_marks_inodes_tell(descriptors: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    # A number that fcntl does not know is refused as a sandbox without F_SETSIG refuses it.
    monkeypatch.setattr(ownfiles, "SET", 9_999)
    own = OwnFiles(descriptors)
    assert own.are_there()
    os.dup2(descriptors[4], descriptors[0])
    assert not own.are_there()
