"""What config/queue.php and .env say about connections, for all who ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsup.check.php.laravel import Connection, application, connections, dotenv
from tests.check.php.project import TREE

CONFIG = """\
<?php

return [
    'default' => env('QUEUE_CONNECTION', 'database'),
    'connections' => [
        'sync' => ['driver' => 'sync'],
        'database' => [
            'driver' => 'database',
            'queue' => env('DB_QUEUE', 'default'),
            'retry_after' => (int) env('DB_QUEUE_RETRY_AFTER', 90),
        ],
        'redis' => ['driver' => 'redis', 'queue' => env('NO_SUCH')],
        'sqs' => ['driver' => 'sqs', 'queue' => env('SQS_QUEUE', 'default')],
        'short' => ['driver' => 'database', 'retry_after' => strlen('abc')],
    ],
];
"""


def written(root: Path, env: str = "") -> Path:
    (root / "config").mkdir()
    (root / "config" / "queue.php").write_text(CONFIG)
    (root / ".env").write_text(env)
    return root


def test_defaults_of_env_and_of_the_framework(tmp_path: Path) -> None:
    found = connections(written(tmp_path))
    assert list(found) == ["sync", "database", "redis", "sqs", "short"]
    assert found["sync"] == Connection("sync", "sync", "default", None)
    assert found["database"] == Connection("database", "database", "default", 90, default=True)
    assert found["sqs"].retry_after is None, "SQS has a visibility timeout of its own"
    assert found["redis"] == Connection(
        "redis", "redis", "", 60, why="the variable NO_SUCH has no default and is not in .env"
    )
    assert found["short"].retry_after is None, "only running strlen() would tell"


def test_dotenv_overrides(tmp_path: Path) -> None:
    env = "QUEUE_CONNECTION=redis\nDB_QUEUE=main\nDB_QUEUE_RETRY_AFTER=660\nNO_SUCH=fast\n"
    found = connections(written(tmp_path, env))
    assert (found["database"].queue, found["database"].retry_after, found["database"].default) == ("main", 660, False)
    assert found["redis"] == Connection("redis", "redis", "fast", 60, default=True)


def test_without_a_file_there_are_no_connections(tmp_path: Path) -> None:
    assert connections(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "<?php", "<?php return;", "<?php return [1, 2];", "<?php return ["])
def test_whatever_the_file_holds_nothing_is_raised(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "queue.php").write_text(text)
    assert connections(tmp_path) == {}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A = b", "b"),
        ("export A=b", "b"),
        ("A=b # note", "b"),
        ("A=b#c", "b#c"),
        ('A="b # c"', "b # c"),
        ("A='b # c'", "b # c"),
        ('A="b\\"c"', 'b"c'),
        ("A=", ""),
        ("A=# note", ""),
        ("B=x\nA=${B}-y", "x-y"),
        ('B=x\nA="${B}-y"', "x-y"),
        ("B=x\nA='${B}'", "${B}"),
        ("A=1\nA=2", "1"),
        ("# A=1", None),
        ("nothing", None),
    ],
)
def test_lines_of_dotenv(line: str, value: str | None) -> None:
    assert dotenv(line).get("A") == value


def test_the_application_is_the_folder_with_its_marks() -> None:
    assert application(TREE / "app" / "Jobs") == TREE.resolve()
    assert application(TREE) == TREE.resolve()


def test_classes_are_found_where_composer_says(tmp_path: Path) -> None:
    from qsup.check.php.scan import scan

    (tmp_path / "composer.json").write_text('{"autoload": {"psr-4": {"Shop\\\\": ["missing/", "src/"]}}}')
    (tmp_path / "src" / "Jobs").mkdir(parents=True)
    job = "<?php namespace Shop\\Jobs; class A implements \\Illuminate\\Contracts\\Queue\\ShouldQueue { public $queue = 'x'; }"
    (tmp_path / "src" / "Jobs" / "A.php").write_text(job)
    (tmp_path / "site.php").write_text("<?php dispatch(new Shop\\Jobs\\A);")
    assert [site.queue for site in scan([tmp_path / "site.php"]).sites] == ["x"]
