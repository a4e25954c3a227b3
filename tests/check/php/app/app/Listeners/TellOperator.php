<?php

namespace App\Listeners;

use App\Events\RouterWentOffline;
use App\Support\Queues;
use Illuminate\Contracts\Queue\ShouldQueue;

class TellOperator implements ShouldQueue
{
    public function handle(RouterWentOffline $event): void
    {
    }

    public function viaQueue(): string
    {
        return Queues::MAIL;
    }
}
