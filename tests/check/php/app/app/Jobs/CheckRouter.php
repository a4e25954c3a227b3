<?php

namespace App\Jobs;

use App\Jobs\Concerns\ChecksRouters;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;

class CheckRouter implements ShouldQueue
{
    use ChecksRouters, Dispatchable;
}
