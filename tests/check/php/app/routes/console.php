<?php

use App\Jobs\SyncAccounting;
use Illuminate\Support\Facades\Artisan;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Schedule;
use App\Events\PaymentReceived;
use function Illuminate\Events\queueable;

Schedule::job(new SyncAccounting(), 'hotspot-accounting')->everyFiveMinutes();

Artisan::command('hotspot:clean', function () {
    dispatch(function () {
        cache()->flush();
    })->onQueue('maintenance');
    dispatch(fn () => cache()->flush());
    Artisan::queue('hotspot:report')->onQueue('dashboard');
});

Event::listen(queueable(function (PaymentReceived $event) {
    logger('paid');
})->onQueue('dashboard'));
