<?php

namespace App\Jobs;

use Illuminate\Foundation\Bus\Dispatchable;

/** Not queued: it does not implement ShouldQueue. */
class RebuildIndex
{
    use Dispatchable;
}
