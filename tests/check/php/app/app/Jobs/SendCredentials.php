<?php

namespace App\Jobs;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;

class SendCredentials implements ShouldQueue
{
    use Dispatchable, Queueable;

    public function __construct(public string $phone)
    {
        $this->queue = config('hotspot.queues.sms', 'sms');
    }
}
