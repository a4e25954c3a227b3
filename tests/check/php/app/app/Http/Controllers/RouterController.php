<?php

namespace App\Http\Controllers;

use App\Enums\QueueName;
use App\Events\PaymentReceived;
use App\Events\RouterWentOffline;
use App\Jobs\{CheckRouter, FetchRouterData, ProcessPayment as Pay, RebuildIndex, RotateLogs};
use App\Jobs\RouterProvisioningJob;
use App\Support\Queues;
use Illuminate\Contracts\Bus\Dispatcher;
use Illuminate\Foundation\Bus\DispatchesJobs;

class RouterController
{
    use DispatchesJobs;

    private const SLOW = 'router-' . 'data';

    public function deploy($router)
    {
        RouterProvisioningJob::dispatch($router, [])->delay(now()->addSeconds(5));
        CheckRouter::dispatch();
        CheckRouter::dispatch()->onQueue(QueueName::Sessions->value);
        dispatch(new Pay(1));
        dispatch((new Pay(2))->onQueue(QueueName::Urgent));
        $this->dispatch(new FetchRouterData(1));
        $this->dispatch(new FetchRouterData(2, queue: 'router-data-slow'));
        RotateLogs::dispatch();
        FetchRouterData::dispatch(3)
            ->afterCommit()
            ->onConnection('redis')
            ->onQueue(self::SLOW);
    }

    public function several(Dispatcher $bus, bool $urgent, string $queue)
    {
        Pay::dispatchIf($urgent, 1)->onQueue($urgent ? 'payments' : 'payments-low');
        Pay::dispatchUnless($urgent, 1)->onQueue(match (true) {
            $urgent => 'payments',
            default => QueueName::usual(),
        });
        $bus->dispatch(new Pay(3));
        $job = new Pay(4);
        $job->onQueue('payments-late');
        dispatch($job);
        Pay::dispatch(5)->onQueue($queue);
        Pay::dispatch(6)->onQueue(sprintf('payments-%s', $queue));
        Pay::dispatch(7)->onQueue(QueueName::Payments->low());
    }

    public function atOnce()
    {
        Pay::dispatchSync(1);
        Pay::dispatchAfterResponse(2);
        dispatch_sync(new Pay(3));
        Pay::dispatch(4)->afterResponse();
        Pay::dispatch(5)->onConnection('sync');
        RebuildIndex::dispatch();
        PaymentReceived::dispatch();
        RouterWentOffline::dispatch();
        event(new PaymentReceived());
        $this->queue('onQueue');
    }
}
