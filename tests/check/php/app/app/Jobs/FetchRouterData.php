<?php

namespace App\Jobs;

use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Queue\Queueable;

class FetchRouterData implements ShouldQueue
{
    use Queueable;

    public function __construct(public int $router, string $queue = 'router-data')
    {
        $this->onQueue($queue);
    }
}
