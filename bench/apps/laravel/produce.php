<?php
// `php produce.php MODE …`: put jobs in, as bench/apps/produce.py does it for the others; JSON on stdout.
//
// schema              the table of `queue:table`                    → null
// payload             the payload of job number 0                   → text
// slow COUNT SECONDS  so many that take their time                  → null
// one SECONDS BEGIN   one after the other from that second of 1970  → how many
// many SECONDS SIZE   SIZE with each call, all with the same data   → jobs a second
// pickup COUNT GAP    one every GAP seconds, on idle workers        → [nanoseconds before the call, …]

require __DIR__ . '/project.php';

use Illuminate\Database\Schema\Blueprint;

function schema(): void
{
    global $database;
    $database->getConnection()->getSchemaBuilder()->create('jobs', function (Blueprint $table) {
        $table->bigIncrements('id');
        $table->string('queue')->index();
        $table->longText('payload');
        $table->unsignedTinyInteger('attempts');
        $table->unsignedInteger('reserved_at')->nullable();
        $table->unsignedInteger('available_at');
        $table->unsignedInteger('created_at');
    });
}

function payload(): string
{
    global $database, $jobs;
    $jobs->push('Mark', ['i' => 0]);
    return $database->getConnection()->table('jobs')->value('payload');
}

function slow(int $count, float $seconds): void
{
    global $jobs;
    for ($number = 0; $number < $count; $number++) {
        $jobs->push('Mark', ['i' => $number, 'seconds' => $seconds]);
    }
}

function one(float $seconds, float $begin): int
{
    global $jobs;
    $jobs->push('Mark', ['i' => 0]);
    usleep((int) max(0, ($begin - microtime(true)) * 1e6));
    for ($count = 0; microtime(true) < $begin + $seconds; $count++) {
        $jobs->push('Mark', ['i' => $count]);
    }
    return $count;
}

function many(float $seconds, int $size): float
{
    global $jobs;
    $every = array_fill(0, $size, 'Mark');
    $jobs->bulk($every, ['i' => 0]);
    $begin = microtime(true);
    for ($count = 0; microtime(true) < $begin + $seconds; $count += $size) {
        $jobs->bulk($every, ['i' => 0]);
    }
    return $count / (microtime(true) - $begin);
}

function pickup(int $count, float $gap): array
{
    global $jobs;
    $begun = [];
    for ($number = 0; $number < $count; $number++) {
        usleep((int) ($gap * 1e6));
        $begun[] = (int) (microtime(true) * 1e9);
        $jobs->push('Mark', ['i' => $number]);
    }
    return $begun;
}

$jobs = $queue->getConnection('default');
$mode = $argv[1];
echo json_encode($mode(...array_map('floatval', array_slice($argv, 2))));
