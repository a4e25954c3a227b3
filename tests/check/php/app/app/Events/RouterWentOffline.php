<?php

namespace App\Events;

use Illuminate\Contracts\Broadcasting\ShouldBroadcast;
use Illuminate\Foundation\Events\Dispatchable;

class RouterWentOffline implements ShouldBroadcast
{
    use Dispatchable;

    public $broadcastQueue = 'broadcasts';

    public function broadcastOn(): array
    {
        return [];
    }
}
