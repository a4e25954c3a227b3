"""The RouterOS API's words and sentences on the wire. A word is its length and its bytes; an empty one ends a sentence.

| length | bytes of the length, big endian |
|---|---|
| < 0x80 | 1 |
| < 0x4000 | 2, with 0x8000 |
| < 0x200000 | 3, with 0xC00000 |
| < 0x10000000 | 4, with 0xE0000000 |
| more | 0xF0 and 4 |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Read = Callable[[int], bytes]
"""Exactly so many bytes; raises EOFError when the other side has gone."""


class ReservedByte(Exception):
    """A length begins with 0xF8 or more: nothing after it can be understood."""


def encode_length(length: int) -> bytes:
    """The length of a word, as it goes before it."""
    for size, limit, mark in ((1, 0x80, 0), (2, 0x4000, 0x8000), (3, 0x200000, 0xC00000), (4, 0x10000000, 0xE0000000)):
        if length < limit:
            return (length | mark).to_bytes(size, "big")
    return b"\xf0" + length.to_bytes(4, "big")


def encode_sentence(words: Iterable[str]) -> bytes:
    """Words in UTF-8, and the empty word that ends them."""
    encoded = [word.encode("utf-8", "surrogateescape") for word in words]
    return b"".join(encode_length(len(word)) + word for word in encoded) + b"\0"


def read_length(read: Read) -> int:
    """The length of the next word. Raises ReservedByte."""
    first = read(1)[0]
    if first < 0x80:
        return first
    for more, limit, mark in ((1, 0xC0, 0x80), (2, 0xE0, 0xC0), (3, 0xF0, 0xE0)):
        if first < limit:
            return int.from_bytes(bytes([first ^ mark]) + read(more), "big")
    if first >= 0xF8:
        raise ReservedByte(hex(first))
    return int.from_bytes(read(4), "big")


def read_sentence(read: Read) -> list[str]:
    """The next sentence; empty ones are passed over."""
    words: list[str] = []
    while True:
        length = read_length(read)
        if length:
            words.append(read(length).decode("utf-8", "surrogateescape"))
        elif words:
            return words
