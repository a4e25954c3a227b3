"""What qsup's processes say to each other arrives as it was said, whatever a payload or an error holds."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsup.channel import TERMS, WORK, decode, encode
from qsup.messages import Finished, Hello, Message, Progress, Stop, Work

TEXTS = st.text() | st.sampled_from([TERMS.decode(), WORK.decode(), '","terms":{', "\n", "\\", "🚀", "]],"])
NUMBERS = st.integers(0, 2**63)
SECONDS = st.floats(0, 1e9)

WORKS = st.builds(
    Work, NUMBERS, NUMBERS, TEXTS, TEXTS, TEXTS, TEXTS | TEXTS.map(lambda text: json.dumps({"x": text})), NUMBERS,
    NUMBERS, NUMBERS, SECONDS, SECONDS, TEXTS, TEXTS, st.booleans(), NUMBERS, SECONDS,
    st.lists(st.lists(NUMBERS, min_size=2, max_size=2)), TEXTS,
)  # fmt: skip
ENDS = st.builds(
    Finished, NUMBERS, NUMBERS, st.sampled_from(["done", "error", "released"]), st.none() | SECONDS,
    st.just("") | TEXTS, st.just("") | TEXTS, st.just("") | TEXTS, st.just("") | TEXTS,
)  # fmt: skip
OTHERS: st.SearchStrategy[Message] = st.one_of(
    st.just(Stop()), st.builds(Progress, NUMBERS, NUMBERS, SECONDS, TEXTS), st.builds(Hello, TEXTS, NUMBERS)
)


@given(WORKS | ENDS | OTHERS)
def test_a_message_arrives_as_it_was_said_in_one_line(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line[:-1]) == message


@given(ENDS.map(lambda end: dataclasses.replace(end, kind="done")))
def test_a_plain_end_is_written_the_short_way_and_no_other_end_is(end: Finished) -> None:
    plain = end == Finished(end.id, end.claim, "done")
    short = {"message": "Finished", "id": end.id, "claim": end.claim, "kind": "done"}
    assert (json.loads(encode(end)) == short) == plain


@pytest.mark.parametrize(
    "line",
    [
        b"", b"[]", b"3", b"{}", b"{", b'{"message":"Nobody"}', b'{"message":"Stop","more":1}', b'{"message":"Stop"} x',
        b'{"message":"Stop"}{"message":"Stop"}', b"\xff",
        WORK + b"[]" + TERMS + b"[]}", WORK + b"[1,2]" + TERMS + b"{}}",
    ],
)  # fmt: skip
def test_what_is_not_a_message_is_refused(line: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(line)
