<?php

namespace App\Notifications;

use Illuminate\Notifications\Notification;

/** Not queued. */
class OnScreen extends Notification
{
}
