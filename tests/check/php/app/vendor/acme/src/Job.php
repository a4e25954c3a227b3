<?php

namespace Acme;

dispatch(fn () => 1)->onQueue('from-vendor');
