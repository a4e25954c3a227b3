<?php
// Laravel's queue on its own: illuminate's parts as its capsules put them together, without the framework's boot. So
// start and memory are less than those of any application; the worker, the queue and their SQL are Laravel's.

error_reporting(E_ALL & ~E_DEPRECATED);
require_once 'Illuminate/Queue/autoload.php';
require_once 'Illuminate/Events/autoload.php';

use Illuminate\Container\Container;
use Illuminate\Database\Capsule\Manager as Database;
use Illuminate\Events\Dispatcher;
use Illuminate\Queue\Capsule\Manager as Queue;

/** The job that everybody runs: a record of bench/apps/mark.py, then perhaps a nap. */
class Mark
{
    private static $file = null;

    public function fire($job, array $data): void
    {
        self::$file ??= fopen(getenv('BENCH_MARKS'), 'a');
        fwrite(self::$file, pack('P3', (int) (microtime(true) * 1e9), $data['i'], getmypid()));
        fflush(self::$file);
        if (isset($data['seconds'])) {
            usleep((int) ($data['seconds'] * 1e6));
        }
        $job->delete();
    }
}

$container = new Container();
Container::setInstance($container);
$database = new Database($container);
$database->addConnection([
    'driver' => 'pgsql', 'charset' => 'utf8', 'prefix' => '', 'schema' => 'public', 'password' => '',
    'host' => getenv('BENCH_HOST'), 'port' => getenv('BENCH_PORT'),
    'database' => getenv('BENCH_DATABASE'), 'username' => getenv('BENCH_USER'),
]);
$container->instance('db', $database->getDatabaseManager());
$container->instance('events', new Dispatcher($container));
$queue = new Queue($container);
// What config/queue.php of a new application says.
$queue->addConnection(['driver' => 'database', 'table' => 'jobs', 'queue' => 'default', 'retry_after' => 90]);
