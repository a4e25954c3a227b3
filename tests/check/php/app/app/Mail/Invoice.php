<?php

namespace App\Mail;

use Illuminate\Bus\Queueable;
use Illuminate\Mail\Mailable;

class Invoice extends Mailable
{
    use Queueable;
}
