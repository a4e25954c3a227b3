<p>Write ProcessPayment::dispatch($payment)->onQueue('from-a-page'); in the controller.</p>
@php
    // dispatch(new ProcessPayment(1))->onQueue('from-blade');
@endphp
{{ "CheckRouter::dispatch()->onQueue('from-an-echo')" }}
<?php echo 'dispatch(new CheckRouter)->onQueue("from-a-string")'; ?>
dispatch(new CheckRouter)->onQueue('from-below');
