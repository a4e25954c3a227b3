"""The queue that a class gives itself, and the classes that reach a queue without any dispatch."""

from __future__ import annotations

import pytest

from tests.check.php.project import HEAD, Laravel

START = """\
namespace App\\Any;
use Illuminate\\Bus\\Queueable;
use Illuminate\\Contracts\\Queue\\ShouldQueue;
use Illuminate\\Contracts\\Broadcasting\\{ShouldBroadcast, ShouldBroadcastNow};
use Illuminate\\Foundation\\Bus\\Dispatchable;
use Illuminate\\Foundation\\Events\\Dispatchable as Fires;
use Illuminate\\Mail\\Mailable;
use Illuminate\\Notifications\\Notification;
use Illuminate\\Queue\\Attributes\\{Queue, Connection};
use Illuminate\\Support\\Facades\\Event;
use Illuminate\\Support\\Facades\\Queue as Queues;
"""

OWN = [
    ("class A implements ShouldQueue { public $queue = 'x'; }", "x"),
    ("class A implements ShouldQueue { public string $queue = 'x'; }", "x"),
    ("class A implements ShouldQueue { public $queue; }", "default"),
    ("class A implements ShouldQueue { public $queue = null; }", "default"),
    ("class A implements ShouldQueue { public $queue = ''; }", "default"),
    ("class A implements ShouldQueue { const Q = 'x'; public $queue = self::Q; }", "x"),
    ("class A implements ShouldQueue { function __construct() { $this->onQueue('x'); } }", "x"),
    ("class A implements ShouldQueue { function __construct() { $this->allOnQueue('x'); } }", "x"),
    ("class A implements ShouldQueue { function __construct() { $this->queue = 'x'; } }", "x"),
    ("class A implements ShouldQueue { function __construct() { $this->onConnection('redis')->onQueue('x'); } }", "x"),
    ("class A implements ShouldQueue { function __construct() { $this->onConnection('redis'); } }", "fast"),
    ("class A implements ShouldQueue { public $connection = 'redis'; }", "fast"),
    ("class A implements ShouldQueue { public $queue = 'y'; function __construct() { $this->onQueue('x'); } }", "x"),
    ("class A implements ShouldQueue { function __construct() { $this->onQueue('y'); $this->onQueue('x'); } }", "x"),
    ("class A implements ShouldQueue { function __construct() { if (rand()) { $this->onQueue('x'); } } }", "default x"),
    (
        "class A implements ShouldQueue { function __construct($y) { foreach ($y as $z) { $this->onQueue('x'); } } }",
        "default x",
    ),
    ("class A implements ShouldQueue { function __construct($y) { $y && $this->onQueue('x'); } }", "default x"),
    (
        "class A implements ShouldQueue { function __construct($y) { if ($y) { $this->onQueue('x'); } else { $this->onQueue('z'); } } }",
        "x z",
    ),
    (
        "class A implements ShouldQueue { function __construct() { $this->set(); } function set() { $this->onQueue('x'); } }",
        "x",
    ),
    (
        "class A implements ShouldQueue { function __construct() { $f = function () { $this->onQueue('x'); }; } }",
        "default",
    ),
    ("class P implements ShouldQueue { public $queue = 'x'; } class A extends P {}", "x"),
    ("class P implements ShouldQueue { public $queue = 'y'; } class A extends P { public $queue = 'x'; }", "x"),
    ("class P implements ShouldQueue { function __construct() { $this->onQueue('x'); } } class A extends P {}", "x"),
    (
        "class P implements ShouldQueue { function __construct() { $this->onQueue('y'); } } class A extends P { function __construct() {} }",
        "default",
    ),
    (
        "class P implements ShouldQueue { function __construct() { $this->onQueue('x'); } } class A extends P { function __construct() { parent::__construct(); } }",
        "x",
    ),
    (
        "class P implements ShouldQueue { function __construct($q) { $this->onQueue($q); } } class A extends P { function __construct() { parent::__construct('x'); } }",
        "x",
    ),
    (
        "class P implements ShouldQueue { function __construct() { $this->onQueue($this->name()); } } class A extends P { function name() { return 'x'; } }",
        "x",
    ),
    (
        "class P implements ShouldQueue { const Q = 'y'; function __construct() { $this->onQueue(static::Q); } } class A extends P { const Q = 'x'; }",
        "x",
    ),
    ("trait T { public $queue = 'x'; } class A implements ShouldQueue { use T; }", "x"),
    ("trait T { function __construct() { $this->onQueue('x'); } } class A implements ShouldQueue { use T; }", "x"),
    ("interface Q extends ShouldQueue { const N = 'x'; } class A implements Q { public $queue = self::N; }", "x"),
    ("#[Queue('x')] class A implements ShouldQueue {}", "x"),
    ("#[Queue(queue: 'x')] class A implements ShouldQueue {}", "x"),
    ("#[Connection('redis')] class A implements ShouldQueue {}", "fast"),
    ("#[Queue('x')] class P implements ShouldQueue {} class A extends P {}", "x"),
    ("#[Queue('y')] class A implements ShouldQueue { public $queue = 'x'; }", "x"),
    ("class A implements ShouldQueue {} Queues::route(A::class, 'x');", "x"),
    ("class A implements ShouldQueue {} Queues::route(A::class, queue: 'x', connection: 'redis');", "x"),
    ("class A implements ShouldQueue {} Queues::route([A::class => 'x']);", "x"),
    ("class A implements ShouldQueue {} Queues::route([A::class => ['redis', 'x']]);", "x"),
    ("class A implements ShouldQueue {} Queues::route([A::class => ['redis', null]]);", "fast"),
    ("interface I {} class A implements ShouldQueue, I {} Queues::route(I::class, 'x');", "x"),
    ("class A implements ShouldQueue { public $queue = 'x'; } Queues::route(A::class, 'y');", "x"),
    ("class A implements ShouldQueue { public $queue = 'y'; } Queues::forward('y', to: 'x');", "x"),
    ("class A implements ShouldQueue { public $queue = 'y'; } if (local()) { Queues::forward('y', 'x'); }", "x y"),
]


@pytest.mark.parametrize(("code", "queues"), OWN, ids=[code for code, _ in OWN])
def test_a_dispatch_without_a_name_takes_the_classs_own_queue(laravel: Laravel, code: str, queues: str) -> None:
    laravel.write("app/Any/classes.php", "<?php\n" + START + code)
    found = laravel.of("dispatch(new \\App\\Any\\A);", head=HEAD)
    assert sorted(site.queue or site.why for site in found) == queues.split()


def test_the_attribute_of_a_chain_link_counts_after_the_chains_queue(laravel: Laravel) -> None:
    laravel.write("app/Any/classes.php", "<?php\n" + START + "#[Queue('y')] class A implements ShouldQueue {}")
    assert laravel.seen("Bus::chain([new \\App\\Any\\A])->onQueue('x')->dispatch();") == ["A x"]


def test_a_job_whose_parent_is_somebody_elses_is_not_verifiable(laravel: Laravel) -> None:
    laravel.write("app/Any/A.php", "<?php\n" + START + "class A extends \\Acme\\Job implements ShouldQueue {}")
    (site,) = laravel.of("dispatch(new \\App\\Any\\A);")
    assert (site.queue, site.why) == (None, "A extends Acme\\Job, which is not in the code")


DECLARED = [
    # the name a class gives itself is a site even when nothing is seen to dispatch it
    ("class A implements ShouldQueue { public $queue = 'x'; }", ["A x"]),
    ("class A implements ShouldQueue { function __construct() { $this->onQueue('x'); } }", ["A x"]),
    ("class A implements ShouldQueue { function urgent() { return $this->onQueue('x'); } }", ["A x"]),
    ("class A implements ShouldQueue { function urgent() { $this->queue = 'x'; } }", ["A x"]),
    ("class A implements ShouldQueue { function __construct() { $this->onQueue(pick()); } }", ["A ?"]),
    ("class A implements ShouldQueue { function __construct($q) { $this->onQueue($q); } }", []),
    ("class A implements ShouldQueue {}", []),
    ("abstract class A implements ShouldQueue { public $queue = 'x'; }", []),
    ("class A { public $queue = 'x'; }", []),
    # listeners
    ("class L implements ShouldQueue { public $queue = 'x'; function handle(\\App\\Events\\E $e) {} }", ["L x"]),
    ("class L implements ShouldQueue { function handle(\\App\\Events\\E $e) {} }", ["L default"]),
    (
        "class L implements ShouldQueue { public $connection = 'redis'; function handle(\\App\\Events\\E $e) {} }",
        ["L fast"],
    ),
    (
        "class L implements ShouldQueue { function handle(\\App\\Events\\E $e) {} function viaQueue() { return 'x'; } }",
        ["L x"],
    ),
    (
        "class L implements ShouldQueue { function handle(\\App\\Events\\E $e) {} function viaQueue($e) { return $e->vip ? 'x' : 'y'; } }",
        ["L x", "L y"],
    ),
    (
        "class L implements ShouldQueue { function handle(\\App\\Events\\E $e) {} function viaConnection() { return 'redis'; } }",
        ["L fast"],
    ),
    (
        "class L implements ShouldQueue { function handle(\\App\\Events\\E $e) {} function viaQueue() { return pick(); } }",
        ["L ?"],
    ),
    (
        "class L implements ShouldQueue { function __construct() { $this->onQueue('lost'); } function handle(\\App\\Events\\E $e) {} }",
        ["L default"],
    ),
    ("class E { use Fires; } class L implements ShouldQueue { function handle(E $e) {} }", ["L default"]),
    (
        "class E {} class L implements ShouldQueue {} class P { protected $listen = [E::class => [L::class]]; }",
        ["L default"],
    ),
    ("class E {} class L implements ShouldQueue {} Event::listen(E::class, L::class);", ["L default"]),
    ("class E {} class L implements ShouldQueue {} Event::listen(E::class, [L::class, 'on']);", ["L default"]),
    ("class L { public $queue = 'x'; function handle(\\App\\Events\\E $e) {} }", []),
    # notifications
    ("class N extends Notification implements ShouldQueue { public $queue = 'x'; }", ["N x"]),
    (
        "class N extends Notification implements ShouldQueue { function viaQueues() { return ['mail' => 'x', 'sms' => 'y']; } }",
        ["N x", "N y"],
    ),
    ("class N extends Notification { public $queue = 'x'; }", []),
    # mailables
    ("class M extends Mailable { function __construct() { $this->onQueue('x'); } }", ["M x"]),
    ("class M extends Mailable {}", []),
    # broadcast events
    ("class E implements ShouldBroadcast {}", ["E default"]),
    ("class E implements ShouldBroadcast { public $broadcastQueue = 'x'; }", ["E x"]),
    ("class E implements ShouldBroadcast { public $queue = 'x'; }", ["E x"]),
    ("class E implements ShouldBroadcast { public $queue = 'y'; public $broadcastQueue = 'x'; }", ["E x"]),
    ("class E implements ShouldBroadcast { public $queue = 'y'; function broadcastQueue() { return 'x'; } }", ["E x"]),
    ("class E implements ShouldBroadcast { use Fires; public $connection = 'redis'; }", ["E fast"]),
    ("class E implements ShouldBroadcastNow { public $broadcastQueue = 'x'; }", []),
]


@pytest.mark.parametrize(("code", "seen"), DECLARED, ids=[code for code, _ in DECLARED])
def test_a_class_is_a_site_where_no_call_is_needed(laravel: Laravel, code: str, seen: list[str]) -> None:
    assert sorted(laravel.classes(START + code)) == sorted(seen)


SENT = """\
<?php
namespace App\\Any;
use Illuminate\\Bus\\Queueable;
use Illuminate\\Contracts\\Queue\\ShouldQueue;
class Note extends \\Illuminate\\Notifications\\Notification implements ShouldQueue { use Queueable; }
class Both extends \\Illuminate\\Notifications\\Notification implements ShouldQueue {
    use Queueable;
    public function via($x) { return ['mail', 'sms']; }
    public function viaQueues() { return ['mail' => 'm', 'sms' => 's']; }
}
class Some extends \\Illuminate\\Notifications\\Notification implements ShouldQueue {
    use Queueable;
    public function viaQueues() { return ['mail' => 'm']; }
}
class Seen extends \\Illuminate\\Notifications\\Notification {}
class Bill extends \\Illuminate\\Mail\\Mailable { use Queueable; }
class Hello extends \\Illuminate\\Mail\\Mailable implements ShouldQueue { use Queueable; }
"""
SENT_HEAD = HEAD + "use App\\Any\\{Note, Both, Some, Seen, Bill, Hello};\n"

SENDING = [
    ("$user->notify(new Note);", ["Note default"]),
    ("$user->notify((new Note)->onQueue('x'));", ["Note x"]),
    ("$user->notify((new Note)->delay(5)->onQueue('x'));", ["Note x"]),
    ("$note = (new Note)->onQueue('x'); $user->notify($note);", ["Note x"]),
    ("Notification::send($users, new Note);", ["Note default"]),
    ("Notification::route('mail', 'x@y')->notify((new Note)->onQueue('x'));", ["Note x"]),
    ("$user->notify(new Both);", ["Both m", "Both s"]),
    ("$user->notify(new Some);", ["Some m", "Some default"]),
    ("$user->notify($note);", ["? ?"]),
    ("$user->notify(new Seen);", []),
    ("$user->notifyNow(new Note);", []),
    ("Notification::sendNow($users, new Note);", []),
    ("Mail::queue(new Bill);", ["Bill default"]),
    ("Mail::queue(new Bill, 'x');", ["Bill x"]),
    ("Mail::to($u)->queue(new Bill);", ["Bill default"]),
    ("Mail::to($u)->cc($v)->queue((new Bill)->onQueue('x'));", ["Bill x"]),
    ("Mail::to($u)->later(5, (new Bill)->onQueue('x'));", ["Bill x"]),
    ("Mail::later(5, new Bill, 'x');", ["Bill x"]),
    ("Mail::laterOn('x', 5, new Bill);", ["Bill x"]),
    ("Mail::queueOn('x', new Bill);", ["Bill x"]),
    ("Mail::to($u)->queue($mail);", ["? ?"]),
    ("Mail::to($u)->send(new Hello);", ["Hello default"]),
    ("Mail::to($u)->send((new Hello)->onQueue('x'));", ["Hello x"]),
    ("Mail::to($u)->send(new Bill);", []),
    ("Mail::to($u)->send($mail);", ["? ?"]),
    ("Mail::send('mails.hello', []);", []),
    ("$http->send($request);", []),
    ("function f(\\Illuminate\\Contracts\\Mail\\Mailer $m) { $m->to(1)->queue(new Bill); }", ["Bill default"]),
]


@pytest.mark.parametrize(("code", "seen"), SENDING, ids=[code for code, _ in SENDING])
def test_notifications_and_mail_are_sites_where_they_are_queued(laravel: Laravel, code: str, seen: list[str]) -> None:
    laravel.write("app/Any/sent.php", SENT)
    assert sorted(laravel.seen(code, head=SENT_HEAD)) == sorted(seen)


def test_a_parent_in_a_file_that_tells_nothing_else_is_found(laravel: Laravel) -> None:
    laravel.write("app/Any/Middle.php", "<?php\nnamespace App\\Any;\nabstract class Middle extends Top {}\n")
    laravel.write(
        "app/Any/odd_name.php", "<?php\n" + START + "abstract class Top implements ShouldQueue { public $queue = 'x'; }"
    )
    laravel.write("app/Any/A.php", "<?php\nnamespace App\\Any;\nclass A extends Middle {}\n")
    assert laravel.seen("dispatch(new \\App\\Any\\A);") == ["A x"]
