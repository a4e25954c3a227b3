"""What can happen to a saved file: accidents of people, editors, disks and merges, on bytes."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

HOTSPOT = (Path(__file__).parents[2] / "queues.yaml").read_bytes()
SMALL = b"""\
# A shop.
version: 1
database: "${SHOP_DATABASE:-postgresql://shop@localhost/shop}"
defaults: &usual {tries: 3, timeout: 60s}
queues:
  payments:
    <<: *usual
    workers: 2
    backoff: [5s, 60s]
  sms: {workers: 1, priority: 5, purpose: "Caf\xc3\xa9 'messages'"}
  low: {workers_of: sms}
jobs:
  ChargeJob: {queue: payments, handler: "shop:charge"}
  TextJob: {queue: sms, handler: "shop.texts:send", failed: "shop:apologise"}
code: [shop.py]
"""
SMALLEST = b"version: 1\nqueues: {a: {workers: 1}}\n"

WRONG = st.sampled_from(
    b"""null|true|[]|{}|-1|0|1e999|.nan|.inf|-.inf|2026-01-02|08:30|0x1F|0o17|1_000|many|soon|10 years|1e308h|-5s|5 s
99999999999999999999999999|''|"\\ud800"|"\\0"|"\\x1b[31m"|"\\U00110000"|!!python/object:os.system x|!!binary AAAA
!!set {a}|!!int x|!x y|&a [*a]|*nowhere|<<|{<<: 1}|{<<: [1, {a: 1}]}|? a|[a, [b, [c]]]|{a: {b: {c: d}}}
${|${}|${X|${X}|${A:-${A}}
${HOME}|${UNSET}|$${X}|%|@|`|>|'|"|- a|: |, |#|---|...|%YAML 9.9|%TAG ! tag:x,2000:""".replace(b"\n", b"|").split(b"|")
)
ODD = st.sampled_from(
    [b"\t", b"\0", b"\x07", b"\x1b", b"\x7f", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe9", b"\xed\xa0\x80",
     b"\xf4\x90\x80\x80", "\u2028".encode(), "\u0085".encode(), "\u202e".encode(), "\U0001f600".encode(), b"  ",
     b"\n---\n", b"\n...\n", b"&a ", b"*a ", b"!!python/name:os.system ", b"<<: *usual\n", b"? ", b"- ", b"[", b"}",
     b":", b"x" * 5000, b"9" * 5000, b"[" * 300, b"{a: " * 300, b"- " * 300]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good file after one to four accidents."""
    data = draw(st.sampled_from([SMALL, SMALL, SMALL, SMALLEST, HOTSPOT]))
    for _ in range(draw(st.integers(1, 4))):
        data = draw(st.sampled_from(ACCIDENTS))(draw, data)
    return data


def flipped(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, max(0, len(data) - 1)))
    return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]


def truncated(draw: st.DrawFn, data: bytes) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


def odd(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(ODD) + data[at:]


def line_dropped(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at = draw(st.integers(0, len(lines) - 1))
    return b"".join(lines[:at] + lines[at + 1 :])


def line_doubled(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines)))
    return b"".join([*lines[:to], lines[at], *lines[to:]])


def line_indented(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at = draw(st.integers(0, len(lines) - 1))
    lines[at] = draw(st.sampled_from([b" ", b"\t", b"    "])) + lines[at]
    return b"".join(lines)


def value_replaced(draw: st.DrawFn, data: bytes) -> bytes:
    """What stands behind one of the colons, up to the end of its line or its comma."""
    colons = [at for at in range(len(data)) if data[at : at + 2] == b": "]
    if not colons:
        return data
    at = draw(st.sampled_from(colons)) + 2
    ends = [end for end in (data.find(sign, at) for sign in (b"\n", b",", b"}")) if end >= 0]
    return data[:at] + draw(WRONG) + data[min(ends, default=len(data)) :]


def key_misspelt(draw: st.DrawFn, data: bytes) -> bytes:
    """A letter in front of one of the colons."""
    colons = [at for at in range(1, len(data)) if data[at : at + 1] == b":"]
    at = draw(st.sampled_from(colons)) if colons else 0
    return data[: max(0, at - 1)] + draw(st.sampled_from([b"", b"s", b"_", b"X", "é".encode()])) + data[at:]


def merged(draw: st.DrawFn, data: bytes) -> bytes:
    """As a merge leaves it, or two files one behind the other."""
    other = draw(st.sampled_from([SMALL, SMALLEST]))
    return draw(
        st.sampled_from(
            [
                data + other,
                data + b"---\n" + other,
                b"<<<<<<< ours\n" + data + b"=======\n" + other + b">>>>>>> theirs\n",
            ]
        )
    )


def recoded(draw: st.DrawFn, data: bytes) -> bytes:
    """Saved by a program that means another encoding."""
    text = data.decode("utf-8", "replace")
    coding = draw(st.sampled_from(["utf-16", "utf-16-be", "utf-32", "latin-1", "cp037", "utf-8-sig"]))
    return text.encode(coding, "replace")


def line_ends(draw: st.DrawFn, data: bytes) -> bytes:
    return data.replace(b"\n", draw(st.sampled_from([b"\r\n", b"\r", b"\n\r", "\u2028".encode()])))


ACCIDENTS = [flipped, truncated, odd, line_dropped, line_doubled, line_indented, value_replaced, value_replaced,
             value_replaced, key_misspelt, merged, recoded, line_ends]  # fmt: skip
