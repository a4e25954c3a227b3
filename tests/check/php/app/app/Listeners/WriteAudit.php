<?php

namespace App\Listeners;

use App\Events\PaymentReceived;
use Illuminate\Contracts\Queue\ShouldQueue;

/** Names no queue: it goes to the connection's own. */
class WriteAudit implements ShouldQueue
{
    public function handle(PaymentReceived $event): void
    {
    }
}
