<?php

namespace App\Jobs;

use App\Models\Router;
use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Queue\SerializesModels;
use Illuminate\Support\Facades\Log;

class RouterProvisioningJob implements ShouldQueue
{
    use Dispatchable, InteractsWithQueue, Queueable, SerializesModels;

    public $tries = 3;
    public $backoff = [30, 60];
    public $timeout = 80;

    public function __construct(public Router $router, protected array $plan)
    {
        // $this->onQueue('provisioning');
        $this->onQueue('router-provisioning');
    }

    public function handle(): void
    {
        Log::info("RouterProvisioningJob::dispatch(\$router)->onQueue('from-a-log-line')");
        /* Was: NotifyOperator::dispatch($this->router)->onQueue('from-a-comment'); */
        # dispatch(new NotifyOperator($this->router))->onQueue('from-a-hash');
        $script = <<<SCRIPT
            /queue add name=x
            ProcessPayment::dispatch(1)->onQueue('from-a-heredoc');
            SCRIPT;
        $plain = <<<'TEXT'
            ProcessPayment::dispatch(1)->onQueue('from-a-nowdoc');
            TEXT;
    }
}
