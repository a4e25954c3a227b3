"""A small Laravel application on the disk, and what the scanner says about it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from qsup.check.php.found import PhpSite
from qsup.check.php.scan import PhpScan, scan

TREE = Path(__file__).parent / "app"
"""The application that the tests share; its sites are in sites.txt."""

QUEUE_PHP = """\
<?php
return [
    'default' => 'database',
    'connections' => [
        'sync' => ['driver' => 'sync'],
        'database' => ['driver' => 'database', 'queue' => 'default', 'retry_after' => 90],
        'redis' => ['driver' => 'redis', 'queue' => 'fast', 'retry_after' => 60],
    ],
];
"""

JOBS = """\
<?php
namespace App\\Jobs;
use Illuminate\\Bus\\Queueable;
use Illuminate\\Contracts\\Queue\\ShouldQueue;
use Illuminate\\Foundation\\Bus\\Dispatchable;

class Plain implements ShouldQueue { use Dispatchable, Queueable; }
class Mine implements ShouldQueue { use Dispatchable; public $queue = 'mine'; }
class AtOnce { use Dispatchable; }
class Any implements ShouldQueue { use Dispatchable, Queueable; public function __construct(public string $queue = 'any') {} }
"""

HEAD = """\
<?php
namespace App\\Http;
use App\\Jobs\\{Plain, Mine, AtOnce, Any};
use Illuminate\\Support\\Facades\\{Bus, Mail, Notification, Queue, Schedule, Event, Artisan};
"""


class Laravel:
    """An application in order; a test adds what it is about."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("artisan", "")
        self.write("config/queue.php", QUEUE_PHP)
        self.write("app/Jobs/jobs.php", JOBS)

    def write(self, name: str, text: str) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def scan(self) -> PhpScan:
        return scan([self.root])

    def of(self, code: str, name: str = "app/Http/site.php", head: str = HEAD) -> list[PhpSite]:
        """The sites of one file."""
        file = self.write(name, head + dedent(code))
        return [site for site in self.scan().sites if site.file == file]

    def seen(self, code: str, head: str = HEAD) -> list[str]:
        """`Job queue` of every site in a file with `code`; `?` for what is not known."""
        return [short(site) for site in self.of(code, head=head)]

    def classes(self, code: str) -> list[str]:
        """As `seen`, for the sites of class declarations anywhere in a file `app/Any/classes.php`."""
        return self.seen_in("app/Any/classes.php", "<?php\n" + dedent(code))

    def seen_in(self, name: str, text: str) -> list[str]:
        """As `seen`, of a file with this whole text."""
        file = self.write(name, text)
        return [short(site) for site in self.scan().sites if site.file == file]

    def told(self) -> list[str]:
        """The problems, as printed, files named from the application's folder."""
        return [str(problem).replace(f"{self.root}/", "") for problem in self.scan().problems]


def short(site: PhpSite) -> str:
    """A site in two words."""
    return f"{site.job or '?'} {site.queue or '?'}"


def row(site: PhpSite, root: Path) -> str:
    """A site as the table beside the shared application has it."""
    place = f"{site.file.relative_to(root)}:{site.line}:{site.column}"
    return f"{place:58} {site.job or '?':22} {site.queue or '?':20} {site.kind}"
