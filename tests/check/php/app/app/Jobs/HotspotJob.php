<?php

namespace App\Jobs;

use Illuminate\Bus\Queueable as CanBeQueued;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;

abstract class HotspotJob implements ShouldQueue
{
    use CanBeQueued, Dispatchable;

    protected const QUEUE = 'hotspot-sessions';

    public function __construct()
    {
        $this->onQueue(static::QUEUE);
    }
}
