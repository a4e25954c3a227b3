<?php

declare(strict_types=1);

namespace App\Services;

use App\Jobs\CloseSession;
use App\Jobs\ProcessPayment;
use App\Jobs\SendCredentials;
use App\Jobs\SyncAccounting;
use App\Jobs\UpdateDashboard;
use App\Mail\Invoice;
use App\Mail\Welcome;
use App\Notifications\OnScreen;
use App\Notifications\PaymentFailed;
use App\Notifications\VoucherReady;
use Illuminate\Support\Facades\Bus;
use Illuminate\Support\Facades\Mail;
use Illuminate\Support\Facades\Notification;
use Illuminate\Support\Facades\Queue as Queues;

final class Billing
{
    public function charge($user, $payments): void
    {
        Bus::chain([
            new ProcessPayment(1),
            new UpdateDashboard(),
            function () {
                logger('done');
            },
        ])->onQueue('billing-chain')->dispatch();

        Bus::batch([
            new UpdateDashboard(),
            new ProcessPayment(2),
            [new SendCredentials('1'), new UpdateDashboard(), new CloseSession()],
        ])->onQueue('dashboard')->dispatch();

        ProcessPayment::withChain([new UpdateDashboard()])->dispatch(3)->allOnQueue('payments');

        Queues::push(new UpdateDashboard(), '', 'dashboard');
        Queues::pushOn('hotspot-accounting', new SyncAccounting());
        Queues::later(30, new UpdateDashboard(), queue: config('hotspot.queues.reports'));
        Queues::laterOn(config('hotspot.queues.rotation', 'x'), 30, UpdateDashboard::class);
        Queues::connection('redis')->push(new UpdateDashboard());
        Queues::bulk([new UpdateDashboard(), new SyncAccounting()], '', config('hotspot.queues.accounting'));
        Queues::push(new CloseSession());
    }

    public function tell($user, $operators): void
    {
        $user->notify(new PaymentFailed());
        $user->notify((new VoucherReady())->onQueue('hotspot-sms'));
        Notification::send($operators, new VoucherReady());
        $user->notify(new OnScreen());
        Mail::to($user)->queue(new Invoice());
        Mail::to($user)->queue((new Invoice())->onQueue('operator-mail'));
        Mail::to($user)->later(now()->addHour(), (new Invoice())->onQueue('operator-mail'));
        Mail::queue(new Invoice(), 'operator-mail');
        Mail::to($user)->send(new Welcome());
        Mail::to($user)->send(new Invoice());
    }
}
