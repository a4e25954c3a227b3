<?php

namespace App\Jobs;

class SyncAccounting extends HotspotJob
{
    protected const QUEUE = 'hotspot-accounting';

    public function handle(): void
    {
        static::dispatch()->delay(60);
    }
}
