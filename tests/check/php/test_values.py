"""What a queue's name may be written as, and what only running the program would tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.php.project import Laravel

NAMES = """\
<?php
namespace App\\Support;
interface Base { const PREFIX = 'pay'; }
class Queues implements Base {
    const A = 'a';
    const B = self::A . '-b';
    const string TYPED = "typed";
    const LOOP = self::LOOP;
    public static function fixed(): string { return 'fixed'; }
    public static function given(string $x, string $y = 'y'): string { return $x . '-' . $y; }
    public static function both(bool $x): string { if ($x) { return 'one'; } return 'two'; }
}
class More extends Queues { const A = 'more-a'; }
trait Named { const T = 'of-a-trait'; }
class Used { use Named; }
enum Name: string {
    case Pay = 'payments';
    case Sms = 'sms-' . 'out';
    const Usual = self::Pay;
    public function low(): string { return match ($this) { self::Pay => 'pay-low', self::Sms => 'sms-low' }; }
    public function of(): string { return $this->value . '-x'; }
}
enum Unit { case Fast; }
const GLOBAL_ONE = 'global-one';
define('DEFINED', 'defined');
"""

CONFIG = """\
<?php
return [
    'a' => ['b' => 'from-config', 'none' => null],
    'env' => env('SET', 'not-this'),
    'env_default' => env('NOT_SET', 'the-default'),
    'env_bare' => env('NOT_SET'),
    'enum' => App\\Support\\Name::Pay->value,
    'called' => strtoupper('x'),
    ...['spread' => 'spread'],
];
"""

HEAD = """\
<?php
namespace App\\Http;
use App\\Jobs\\Plain;
use App\\Support\\{Queues, More, Used, Name, Unit};
use Illuminate\\Support\\Facades\\Config;
use const App\\Support\\GLOBAL_ONE;
"""


@pytest.fixture
def laravel(tmp_path: Path) -> Laravel:
    made = Laravel(tmp_path)
    made.write("app/Support/Queues.php", NAMES)
    made.write("config/names.php", CONFIG)
    made.write(".env", "SET=from-env\n")
    return made


KNOWN = [
    ("'single'", ["single"]),
    ('"double"', ["double"]),
    ("'a' . 'b'", ["ab"]),
    ("('in-parentheses')", ["in-parentheses"]),
    ("Queues::A", ["a"]),
    ("Queues::B", ["a-b"]),
    ("More::A", ["more-a"]),
    ("More::B", ["a-b"]),
    ("Queues::PREFIX", ["pay"]),
    ("Queues::TYPED", ["typed"]),
    ("Used::T", ["of-a-trait"]),
    ("\\App\\Support\\Queues::A", ["a"]),
    ("Name::Pay->value", ["payments"]),
    ("Name::Pay", ["payments"]),
    ("Name::Pay->name", ["Pay"]),
    ("Name::Sms->value", ["sms-out"]),
    ("Name::Usual->value", ["payments"]),
    ("Name::Pay->low()", ["pay-low"]),
    ("Name::Sms->of()", ["sms-out-x"]),
    ("Unit::Fast", ["Fast"]),
    ("enum_value(Name::Pay)", ["payments"]),
    ("config('names.a.b')", ["from-config"]),
    ("config('names.a.b', 'other')", ["from-config"]),
    ("config('names.missing', 'other')", ["other"]),
    ("config('nothere.missing', 'other')", ["other"]),
    ("config('names.env')", ["from-env"]),
    ("config('names.env_default')", ["the-default"]),
    ("config('names.enum')", ["payments"]),
    ("config('names.spread')", ["spread"]),
    ("config()->get('names.a.b')", ["from-config"]),
    ("Config::get('names.a.b')", ["from-config"]),
    ("Config::string(key: 'names.a.b')", ["from-config"]),
    ("(string) config('names.a.b')", ["from-config"]),
    ("config('names.a.none') ?? 'instead'", ["instead"]),
    ("config('names.a.none') ?: 'instead'", ["instead"]),
    ("env('SET')", ["from-env"]),
    ("env('NOT_SET', 'x')", ["x"]),
    ("$x ? 'one' : 'two'", ["one", "two"]),
    ("$x ? 'one' : ($y ? 'two' : 'three')", ["one", "two", "three"]),
    ("match (true) { $x => 'one', default => 'two' }", ["one", "two"]),
    ("'p-' . ($x ? 'one' : 'two')", ["p-one", "p-two"]),
    ("Queues::fixed()", ["fixed"]),
    ("Queues::given('x')", ["x-y"]),
    ("Queues::given('x', y: 'z')", ["x-z"]),
    ("Queues::both($x)", ["one", "two"]),
    ("GLOBAL_ONE", ["global-one"]),
    ("DEFINED", ["defined"]),
    ("\\DEFINED", ["defined"]),
    ("queue: 'named'", ["named"]),
    ("'it\\'s'", ["it's"]),
]


@pytest.mark.parametrize(("expression", "queues"), KNOWN, ids=[expression for expression, _ in KNOWN])
def test_a_name_that_the_source_tells_is_worked_out(laravel: Laravel, expression: str, queues: list[str]) -> None:
    found = laravel.of(f"Plain::dispatch()->onQueue({expression});", head=HEAD)
    assert sorted(site.queue or site.why for site in found) == sorted(queues)


UNKNOWN = [
    ("$queue", "it is the variable $queue"),
    ("'x' . $queue", "it is the variable $queue"),
    ('"x-{$queue}"', "it is the variable $queue"),
    ('"x-$queue"', "it is the variable $queue"),
    ("sprintf('x-%s', 'y')", "sprintf() gives it when the program runs"),
    ("$this->queue", "it is the property $this->queue"),
    ("$this->pick()", "pick() gives it when the program runs"),
    ("Queues::GONE", "Queues::GONE is not in the code"),
    ("Queues::LOOP", "the expression is nested too deeply"),
    ("Elsewhere::A", "App\\Http\\Elsewhere::A is not in the code"),
    ("$x::A", "$x::A is not in the code"),
    ("config('names.missing')", "config('names.missing') is in no file of config/"),
    ("config('nothere.x')", "there is no config/nothere.php to take config('nothere.x') from"),
    ("config('names.called')", "strtoupper() gives it when the program runs"),
    ("config('names.env_bare')", "the variable NOT_SET has no default and is not in .env"),
    ("config($key)", "the key is not known"),
    ("env('NOT_SET')", "the variable NOT_SET has no default and is not in .env"),
    ("NO_SUCH", "the constant NO_SUCH is not in the code"),
    ("$names['x']", "it shows only when the program runs"),
    ("['a', 'b']", "it is not a name"),
]


@pytest.mark.parametrize(("expression", "why"), UNKNOWN, ids=[expression for expression, _ in UNKNOWN])
def test_what_only_running_would_tell_is_never_guessed(laravel: Laravel, expression: str, why: str) -> None:
    (site,) = laravel.of(f"Plain::dispatch()->onQueue({expression});", head=HEAD)
    assert (site.job, site.queue, site.why) == ("Plain", None, why)


def test_a_known_and_an_unknown_possibility_are_two_sites(laravel: Laravel) -> None:
    found = laravel.of("Plain::dispatch()->onQueue($x ?? 'usual');", head=HEAD)
    assert [(site.queue, site.why) for site in found] == [(None, "it is the variable $x"), ("usual", "")]


def test_a_property_counts_only_while_nothing_changes_it(laravel: Laravel) -> None:
    body = "class C { private $to = 'of-a-property'; function f() { Plain::dispatch()->onQueue($this->to); } %s }"
    assert [site.queue for site in laravel.of(body % "", head=HEAD)] == ["of-a-property"]
    assert [site.queue for site in laravel.of(body % "function g($x) { $this->to = $x; }", head=HEAD)] == [None]


def test_self_and_static_mean_what_they_mean_in_php(laravel: Laravel) -> None:
    code = """
    class One { const Q = 'one'; function f() { Plain::dispatch()->onQueue(self::Q); } }
    class Two extends One { const Q = 'two'; function g() { Plain::dispatch()->onQueue(parent::Q); } }
    """
    assert [site.queue for site in laravel.of(code, head=HEAD)] == ["one", "one"]


def test_same_named_classes_are_told_apart_by_their_namespaces(laravel: Laravel) -> None:
    laravel.write("app/Other/Queues.php", "<?php\nnamespace App\\Other;\nclass Queues { const A = 'other-a'; }\n")
    code = "use App\\Other\\Queues as Others;\nPlain::dispatch()->onQueue(Others::A);\nPlain::dispatch()->onQueue(Queues::A);"
    assert [site.queue for site in laravel.of(code, head=HEAD)] == ["other-a", "a"]


@pytest.mark.parametrize(
    "form", ["use const App\\Support\\{GLOBAL_ONE as ONE};", "use App\\Support\\{const GLOBAL_ONE as ONE};"]
)
def test_constants_are_imported_in_groups_too(laravel: Laravel, form: str) -> None:
    head = f"<?php\nnamespace App;\nuse App\\Jobs\\Plain;\n{form}\n"
    assert [site.queue for site in laravel.of("Plain::dispatch()->onQueue(ONE);", head=head)] == ["global-one"]
