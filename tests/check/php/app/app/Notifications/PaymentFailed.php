<?php

namespace App\Notifications;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Notifications\Notification;

class PaymentFailed extends Notification implements ShouldQueue
{
    use Queueable;

    public function via(object $notifiable): array
    {
        return ['mail', 'vonage'];
    }

    public function viaQueues(): array
    {
        return [
            'mail' => 'operator-mail',
            'vonage' => 'hotspot-sms',
        ];
    }
}
