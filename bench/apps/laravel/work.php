<?php
// One worker with the defaults of `queue:work`, but for the time limit: the bench's jobs may sleep.

require __DIR__ . '/project.php';

use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Queue\Worker;
use Illuminate\Queue\WorkerOptions;

/** Says on stderr what went wrong. */
class Aloud implements ExceptionHandler
{
    public function report(Throwable $error)
    {
        fwrite(STDERR, $error . "\n");
    }

    public function shouldReport(Throwable $error)
    {
        return true;
    }

    public function render($request, Throwable $error)
    {
    }

    public function renderForConsole($output, Throwable $error)
    {
    }
}

$worker = new Worker($queue->getQueueManager(), $container['events'], new Aloud(), fn () => false);
$worker->daemon('default', 'default', new WorkerOptions(timeout: 600));
