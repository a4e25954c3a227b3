<?php

namespace App\Support;

interface ListensTo
{
    const ROUTERS = 'router-' . self::SUFFIX;
    const SUFFIX = 'checks';
}
