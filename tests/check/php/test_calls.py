"""Every form in which Laravel puts a job on a queue, and every form that looks alike and does not."""

from __future__ import annotations

import pytest

from tests.check.php.project import Laravel

FORMS = [
    # static
    ("Plain::dispatch();", ["Plain default"]),
    ("Mine::dispatch();", ["Mine mine"]),
    ("Mine::dispatch()->onQueue('x');", ["Mine x"]),
    ("Mine::dispatch()->delay(5)->onQueue('x')->afterCommit();", ["Mine x"]),
    ("Mine::dispatch()?->onQueue('x');", ["Mine x"]),
    ("MINE::DISPATCH()->ONQUEUE('x');", ["Mine x"]),
    ("\\App\\Jobs\\Mine::dispatch();", ["Mine mine"]),
    ("Plain::dispatch()->allOnQueue('x');", ["Plain x"]),
    ("Plain::dispatch()->onConnection('redis');", ["Plain fast"]),
    ("Plain::dispatch()->onConnection('redis')->onQueue('x');", ["Plain x"]),
    ("Plain::dispatch()->onConnection('gone');", ["Plain ?"]),
    ("Plain::dispatchIf($x)->onQueue('x');", ["Plain x"]),
    ("Plain::dispatchUnless($x)->onQueue('x');", ["Plain x"]),
    ("$pending = Plain::dispatch(); $pending->onQueue('x');", ["Plain x"]),
    ("return Plain::dispatch()->onQueue('x');", ["Plain x"]),
    ("Any::dispatch();", ["Any any"]),
    ("Any::dispatch('given');", ["Any given"]),
    ("Any::dispatch(queue: 'given');", ["Any given"]),
    ("Any::dispatch(...$all);", ["Any ?"]),
    ("$f = Plain::dispatch(...);", []),
    ("$class::dispatch();", ["? ?"]),
    ("$class::dispatch()->onQueue('x');", ["? x"]),
    ("trait T { static function again() { static::dispatch(); } }", ["? ?"]),
    ("class A { use \\Acme\\AsAction; } A::dispatch();", ["A ?"]),
    ("class A { use \\Acme\\AsAction; } A::dispatch()->onQueue('x');", ["A x"]),
    # functions
    ("dispatch(new Plain);", ["Plain default"]),
    ("\\dispatch(new Mine())->onQueue('x');", ["Mine x"]),
    ("dispatch((new Mine)->onQueue('y'));", ["Mine y"]),
    ("dispatch((new Mine)->onQueue('y'))->onQueue('x');", ["Mine x"]),
    ("dispatch(function () {});", ["Closure default"]),
    ("dispatch(fn () => 1)->onQueue('x');", ["Closure x"]),
    ("dispatch(job: new Mine);", ["Mine mine"]),
    ("dispatch($x ? new Mine : new Plain);", ["Mine mine", "Plain default"]),
    ("dispatch(new Any('given'));", ["Any given"]),
    ("dispatch(app(Mine::class));", ["Mine mine"]),
    ("dispatch(resolve(Mine::class));", ["Mine mine"]),
    (
        "dispatch(new class implements \\Illuminate\\Contracts\\Queue\\ShouldQueue { public $queue = 'x'; });",
        ["class@anonymous x"],
    ),
    # variables
    ("$job = new Mine; dispatch($job);", ["Mine mine"]),
    ("$job = (new Plain)->onQueue('x'); dispatch($job);", ["Plain x"]),
    ("$job = new Plain; $job->onQueue('x'); dispatch($job);", ["Plain x"]),
    ("$job = new Plain; $job->queue = 'x'; dispatch($job);", ["Plain x"]),
    ("$job = new Plain; if ($y) { $job->onQueue('x'); } dispatch($job);", ["Plain default", "Plain x"]),
    (
        "$job = new Plain; if ($y) { $job->onQueue('x'); } else { $job->onQueue('z'); } dispatch($job);",
        ["Plain x", "Plain z"],
    ),
    ("$job = new Plain; dispatch($job); $job->onQueue('after');", ["Plain default", "Plain after"]),
    ("function f(Mine $job) { dispatch($job); }", ["Mine mine"]),
    ("function f($job) { dispatch($job); }", ["? ?"]),
    ("function f($job) { dispatch($job)->onQueue('x'); }", ["? x"]),
    ("$job = new Mine; run(function () use ($job) { dispatch($job); });", ["Mine mine"]),
    ("$job = new Mine; run(fn () => dispatch($job));", ["Mine mine"]),
    ("class C { function job(): Mine { return build(); } function f() { dispatch($this->job()); } }", ["Mine mine"]),
    ("class C { function job() { return new Mine; } function f() { dispatch($this->job()); } }", ["Mine mine"]),
    ("dispatch(make());", ["? ?"]),
    # a bus
    ("Bus::dispatch(new Mine);", ["Mine mine"]),
    ("Bus::dispatch((new Mine)->onQueue('x'));", ["Mine x"]),
    ("app(\\Illuminate\\Contracts\\Bus\\Dispatcher::class)->dispatch(new Mine);", ["Mine mine"]),
    ("function f(\\Illuminate\\Contracts\\Bus\\Dispatcher $bus, $job) { $bus->dispatch($job); }", ["? ?"]),
    (
        "class C { use \\Illuminate\\Foundation\\Bus\\DispatchesJobs; function f() { $this->dispatch(new Mine); } }",
        ["Mine mine"],
    ),
    ("class C { use \\Illuminate\\Foundation\\Bus\\DispatchesJobs; function f($j) { $this->dispatch($j); } }", ["? ?"]),
    # chains
    ("Bus::chain([new Plain, new Mine])->dispatch();", ["Plain default", "Mine mine"]),
    ("Bus::chain([new Plain, new Mine])->onQueue('x')->dispatch();", ["Plain x", "Mine mine"]),
    ("Bus::chain([new Mine, new Plain])->onQueue('x')->dispatch();", ["Mine mine", "Plain x"]),
    ("Bus::chain([new Plain, fn () => 1])->onConnection('redis')->dispatch();", ["Plain fast", "Closure fast"]),
    ("$c = Bus::chain([new Plain]); $c->onQueue('x'); $c->dispatch();", ["Plain x"]),
    ("Bus::chain($jobs)->onQueue('x')->dispatch();", ["? x"]),
    ("$jobs = [new Plain]; $jobs[] = new Mine; Bus::chain($jobs)->dispatch();", ["Plain default", "Mine mine"]),
    ("Bus::chain([new Plain, ...[new Mine]])->dispatch();", ["Plain default", "Mine mine"]),
    (
        "Bus::chain([new Plain, Bus::batch([new Plain])->onQueue('b')])->dispatch();",
        ["Plain default", "ChainedBatch default", "Plain b"],
    ),
    ("Plain::dispatch()->chain([new Plain, new Mine]);", ["Plain default", "Plain default", "Mine mine"]),
    ("Plain::dispatch()->chain([new Plain])->onQueue('x');", ["Plain x", "Plain default"]),
    ("Plain::dispatch()->chain([new Plain, new Mine])->allOnQueue('x');", ["Plain x", "Plain x", "Mine mine"]),
    ("Mine::dispatch()->chain([new Plain])->allOnQueue('x');", ["Mine x", "Plain x"]),
    ("dispatch((new Mine)->chain([new Plain])->allOnQueue('x'));", ["Mine x", "Plain x"]),
    ("Mine::withChain([new Plain])->onQueue('x')->dispatch();", ["Mine mine", "Plain x"]),
    ("Mine::withChain([new Plain])->dispatch()->allOnQueue('x');", ["Mine x", "Plain x"]),
    ("class C { function f() { $this->appendToChain(new Mine); } }", ["Mine mine"]),
    ("class C { function f() { $this->prependToChain(new Plain); } }", ["Plain ?"]),
    # batches
    ("Bus::batch([new Plain, new Plain])->dispatch();", ["Plain default", "Plain default"]),
    ("Bus::batch([new Plain, new Mine])->onQueue('x')->dispatch();", ["Plain x", "Mine x"]),
    ("Bus::batch([[new Plain, new Mine, new Plain]])->onQueue('x')->dispatch();", ["Plain x", "Mine mine", "Plain x"]),
    ("Bus::batch([])->onQueue('x')->dispatch();", ["? x"]),
    ("Bus::batch(collect($ids)->map(fn ($id) => new Plain($id)))->onQueue('x')->dispatch();", ["Plain x"]),
    ("Bus::batch(array_map(fn ($id) => new Plain($id), $ids))->dispatch();", ["Plain default"]),
    ("Bus::batch(collect($ids)->mapInto(Plain::class)->all())->dispatch();", ["Plain default"]),
    ("$list = collect(); $list->push(new Plain); Bus::batch($list)->dispatch();", ["Plain default"]),
    ("$this->batch()->add([new Plain]);", ["Plain ?"]),
    # the queue itself
    ("Queue::push(new Plain, '', 'x');", ["Plain x"]),
    ("Queue::push(new Mine);", ["Mine default"]),
    ("Queue::push('App\\Jobs\\Mine@handle', [], 'x');", ["Mine x"]),
    ("Queue::push(Mine::class, queue: 'x');", ["Mine x"]),
    ("Queue::pushOn('x', new Mine);", ["Mine x"]),
    ("Queue::later(5, new Mine, '', 'x');", ["Mine x"]),
    ("Queue::laterOn('x', 5, new Mine);", ["Mine x"]),
    ("Queue::bulk([new Mine, new Plain], '', 'x');", ["Mine x", "Plain x"]),
    ("Queue::pushRaw('{}', 'x');", ["? x"]),
    ("Queue::connection('redis')->push(new Mine);", ["Mine fast"]),
    ("app('queue')->push(new Mine, '', 'x');", ["Mine x"]),
    (
        "function f(\\Illuminate\\Contracts\\Queue\\Factory $q) { $q->connection('redis')->pushOn('x', new Mine); }",
        ["Mine x"],
    ),
    ("function f(\\Illuminate\\Contracts\\Queue\\Queue $q) { $q->push(new Mine, '', 'x'); }", ["Mine x"]),
    # the scheduler
    ("$schedule->job(new Mine);", ["Mine mine"]),
    ("$schedule->job(new Mine, 'x')->daily();", ["Mine x"]),
    ("$schedule->job(Mine::class, queue: 'x');", ["Mine x"]),
    ("$schedule->job(new Plain, null, 'redis');", ["Plain fast"]),
    ("Schedule::job(new Mine, 'x')->everyMinute();", ["Mine x"]),
    ("Schedule::job((new Mine)->onQueue('x'));", ["Mine x"]),
    ("Schedule::daily()->job(new Mine, 'x');", ["Mine x"]),
    # commands and closures for events
    ("Artisan::queue('x:y')->onQueue('x');", ["QueuedCommand x"]),
    ("Event::listen(\\Illuminate\\Events\\queueable(fn ($e) => 1)->onQueue('x'));", ["Closure x"]),
    # what belongs to nothing that is known
    ("$export->queue('file.csv')->chain([])->onQueue('x');", ["? x"]),
    ("$this->builder->onQueue('x');", ["? x"]),
    # in strings that PHP fills in, code is code
    ('echo "{$this->run(dispatch(new Mine))}";', ["Mine mine"]),
]


@pytest.mark.parametrize(("code", "seen"), FORMS, ids=[code for code, _ in FORMS])
def test_a_dispatch_is_a_site(laravel: Laravel, code: str, seen: list[str]) -> None:
    assert sorted(laravel.seen(code)) == sorted(seen)


NOTHING = [
    "Plain::dispatchSync();",
    "Plain::dispatchNow();",
    "Plain::dispatchAfterResponse();",
    "Plain::dispatch()->afterResponse();",
    "Plain::dispatch()->onConnection('sync');",
    "AtOnce::dispatch();",
    "dispatch(new AtOnce);",
    "dispatch_sync(new Plain);",
    "Bus::dispatchSync(new Plain);",
    "Bus::dispatchNow(new Plain);",
    "Bus::fake();",
    "$schedule->command('x');",
    "$this->dispatch('opened-a-dialog');",
    "$this->dispatch('opened', to: 'x')->self();",
    "$events->dispatch(new Plain);",
    "Event::dispatch(new Plain);",
    "$collection->push(new Plain);",
    "$cart->add([$one]);",
    "$board->job('x');",
    "class C { function dispatch($x) {} function f($x) { $this->dispatch($x); } }",
    "class C { use \\Illuminate\\Foundation\\Bus\\DispatchesJobs; function dispatch($x) {} function f($x) { $this->dispatch($x); } }",
    "$component->dispatch('opened-a-dialog');",
    "class J implements \\JsonSerializable { use \\Illuminate\\Foundation\\Bus\\Dispatchable; } J::dispatch();",
    "class E extends \\Acme\\Event { use \\Illuminate\\Foundation\\Events\\Dispatchable; } E::dispatch();",
    "// Plain::dispatch()->onQueue('x');",
    "# Plain::dispatch()->onQueue('x');",
    "/* Plain::dispatch()->onQueue('x'); */",
    "/** Plain::dispatch()->onQueue('x'); */",
    "$x = 'Plain::dispatch()->onQueue(1)';",
    '$x = "Plain::dispatch()->onQueue(1)";',
    "$x = <<<X\nPlain::dispatch()->onQueue('x');\nX;",
    "$x = <<<'X'\nPlain::dispatch()->onQueue('x');\nX;",
    "?>\nPlain::dispatch()->onQueue('x');\n<?php",
    "?> Plain::dispatch(); <?= 'Mine::dispatch()' ?> <?php",
    "class C { public $queue; protected $other = 'x'; }",
    "class C { function onQueue($x) {} }",
    "$this->queue = new Other;",
    "notify($user);",
]


@pytest.mark.parametrize("code", NOTHING)
def test_what_only_looks_like_a_dispatch_is_none(laravel: Laravel, code: str) -> None:
    assert laravel.seen(code) == []


def test_a_function_of_the_application_called_dispatch_is_not_laravels(laravel: Laravel) -> None:
    head = "<?php\nnamespace App\\Http;\nuse App\\Jobs\\Mine;\nuse function App\\Tools\\dispatch;\n"
    assert laravel.seen("dispatch(new Mine);", head=head) == []
    assert (
        laravel.seen(
            "function dispatch($x) {}\ndispatch(new Mine);",
            head=head.replace("use function App\\Tools\\dispatch;\n", ""),
        )
        == []
    )


def test_a_class_of_the_application_called_queue_is_not_the_facade(laravel: Laravel) -> None:
    laravel.write(
        "app/Support/Queue.php", "<?php\nnamespace App\\Support;\nclass Queue { static function push($x) {} }\n"
    )
    head = "<?php\nnamespace App\\Http;\nuse App\\Jobs\\Mine;\nuse App\\Support\\Queue;\n"
    assert laravel.seen("Queue::push(new Mine, '', 'x');", head=head) == []


def test_a_job_of_somebody_else_is_not_verifiable_unless_the_site_names_its_queue(laravel: Laravel) -> None:
    (site,) = laravel.of("\\Acme\\Import::dispatch();")
    assert (site.job, site.queue) == ("Import", None)
    assert site.why == "class Acme\\Import is not in the code, nor the queue it gives itself"
    assert laravel.seen("\\Acme\\Import::dispatch()->onQueue('x');") == ["Import x"]


def test_a_site_has_its_place_and_that_of_the_queues_name(laravel: Laravel) -> None:
    (site,) = laravel.of("Plain::dispatch(\n    1,\n)\n    ->onQueue(\n        'x',\n    );\n")
    assert (site.line, site.column) == (5, 1)
    assert site.written == (site.file, 9, 9)


def test_a_call_on_a_later_line_is_told_where_its_name_stands(laravel: Laravel) -> None:
    (site,) = laravel.of("$schedule\n    ->job(new Mine);\n")
    assert (site.line, site.column) == (6, 7)


def test_a_name_that_the_call_hands_over_is_told_at_the_call(laravel: Laravel) -> None:
    (site,) = laravel.of("Any::dispatch('given');")
    assert (site.queue, site.written) == ("given", None)
    laravel.write(
        "app/Jobs/Handed.php",
        "<?php namespace App\\Jobs; class Handed implements \\Illuminate\\Contracts\\Queue\\ShouldQueue { function __construct($to) { $this->onQueue($to); } }",
    )
    (site,) = laravel.of("dispatch(new \\App\\Jobs\\Handed('given'));")
    assert (site.queue, site.written) == ("given", None)


def test_a_fresh_application_with_the_connection_sync_is_read_as_it_will_be_in_production(laravel: Laravel) -> None:
    text = (laravel.root / "config/queue.php").read_text(encoding="utf-8")
    laravel.write(
        "config/queue.php",
        text.replace("'default' => 'database'", "'default' => 'sync'").replace(
            "'queue' => 'default'", "'queue' => 'main'"
        ),
    )
    assert laravel.seen("Plain::dispatch();") == ["Plain main"]
