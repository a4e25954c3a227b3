<?php

namespace App\Enums;

enum QueueName: string
{
    case Payments = 'payments';
    case Sessions = 'hotspot-sessions';
    case Rotation = 'log-rotation';

    const Urgent = self::Payments;

    public static function usual(): string
    {
        return 'default';
    }

    public function low(): string
    {
        return match ($this) {
            self::Payments => 'payments-low',
            default => 'default',
        };
    }
}
