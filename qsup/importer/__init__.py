"""From the programs of supervisord files to a queues.yaml that means the same: pure, values in and text out."""
