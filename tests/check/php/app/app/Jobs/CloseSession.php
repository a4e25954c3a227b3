<?php

namespace App\Jobs;

/** Its queue is its parent's. */
class CloseSession extends HotspotJob
{
    public function handle(): void
    {
    }
}
