<?php

use App\Enums\QueueName;

return [
    'queues' => [
        'sms' => env('SMS_QUEUE', 'sms'),
        'reports' => env('REPORT_QUEUE'),
        'accounting' => 'hotspot-' . 'accounting',
        'rotation' => QueueName::Rotation->value,
    ],
];
