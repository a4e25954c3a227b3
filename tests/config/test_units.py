import pytest

from qsup import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (90, 90), (0.5, 0.5), ("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("7d", 604_800), ("500ms", 0.5),
        ("1.5s", 1.5), ("1h500ms", 3600.5), (0, 0), ("0s", 0),
    ],
)  # fmt: skip
def test_a_duration_is_read_in_seconds(text: object, seconds: float) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "1x",
        "90 s",
        "-1",
        -1,
        "1m1h",
        "1m1m",
        "1e3s",
        "soon",
        None,
        True,
        [],
        {},
        "08:30",
        "٣s",
        1e300,
        "99999d",
    ],
)
def test_what_is_no_duration_is_refused_with_what_one_looks_like(text: object) -> None:
    with pytest.raises(ValueError, match="a duration such as 90, 90s, 10m or 1h30m"):
        units.duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (128, 128 * 1024**2), ("128", 128 * 1024**2), ("128MB", 128 * 1024**2), ("256MiB", 256 * 1024**2),
        ("128M", 128 * 1024**2), ("1GB", 1024**3), ("64kB", 64 * 1024), ("100B", 100), ("1.5GB", 1536 * 1024**2),
    ],
)  # fmt: skip
def test_a_size_is_read_in_bytes_and_a_bare_number_counts_megabytes(text: object, size: int) -> None:
    assert units.size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", 0, -5, "1TB", True, None, [], "128 m b", "0MB", 1e300])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a size such as 128"):
        units.size(text)


@pytest.mark.parametrize(
    ("text", "delays"),
    [(5, (5,)), ("5,15,60", (5, 15, 60)), ([5, "15s", "1m"], (5, 15, 60)), ("30s, 1m", (30, 60)), (0, (0,))],
)
def test_a_backoff_is_a_number_a_list_or_text_with_commas(text: object, delays: tuple[float, ...]) -> None:
    assert units.backoff(text) == delays


@pytest.mark.parametrize("text", [[], "", "5,,15", [5, [6]], {"a": 1}, None, [5, -1]])
def test_what_is_no_backoff_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a list of durations"):
        units.backoff(text)


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), (0, 0.0), (0.25, 0.25), ("100%", 1.0), (1, 1.0)])
def test_a_share_is_a_percentage_or_a_fraction(text: object, share: float) -> None:
    assert units.share(text) == share


@pytest.mark.parametrize("text", ["101%", -0.1, 2, "10 %", True, None])
def test_what_is_no_share_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a share such as 10%"):
        units.share(text)


@pytest.mark.parametrize("seconds", [0, 0.5, 1, 59, 90, 3600, 5400, 90_061, 86_400 * 30])
def test_a_written_duration_reads_back(seconds: float) -> None:
    assert units.duration(units.written(seconds)) == seconds


@pytest.mark.parametrize("size", [1, 1024, 128 * 1024**2, 1536 * 1024**2, 1024**3])
def test_a_written_size_reads_back(size: int) -> None:
    assert units.size(units.written_size(size)) == size
