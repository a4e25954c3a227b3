<?php

namespace App\Jobs\Concerns;

use App\Support\Queues;

trait ChecksRouters
{
    public string $queue = Queues::ROUTERS;
}
