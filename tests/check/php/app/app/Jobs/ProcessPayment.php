<?php

namespace App\Jobs;

use App\Enums\QueueName;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;
use Illuminate\Queue\InteractsWithQueue;

class ProcessPayment implements ShouldQueue
{
    use Dispatchable, InteractsWithQueue;

    public $queue = QueueName::Payments->value;

    public function __construct(public int $payment)
    {
    }
}
