<?php

namespace App\Support;

class Queues implements ListensTo
{
    public const DATA = 'router-data';
    public const MAIL = "operator-mail";
}
