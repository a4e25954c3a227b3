<?php

namespace App\Events;

use Illuminate\Contracts\Broadcasting\ShouldBroadcast;
use Illuminate\Foundation\Events\Dispatchable;

class SessionStarted implements ShouldBroadcast
{
    use Dispatchable;

    public function broadcastQueue(): string
    {
        return 'broadcasts';
    }
}
