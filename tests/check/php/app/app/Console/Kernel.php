<?php

namespace App\Console;

use App\Jobs\CheckRouter;
use App\Jobs\RotateLogs;
use App\Support\Queues;
use Illuminate\Console\Scheduling\Schedule;

class Kernel
{
    protected function schedule(Schedule $schedule): void
    {
        $schedule->job(new CheckRouter())->everyMinute();
        $schedule->job(CheckRouter::class, Queues::DATA)->hourly();
        $schedule
            ->job(new RotateLogs(), queue: 'maintenance')
            ->daily();
        $schedule->command('queue:prune-failed')->daily();
    }
}
