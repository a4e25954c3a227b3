-- Nobody here waits for these queues any more: their workers are busy.
DELETE FROM qsup.waiting WHERE supervisor = %(supervisor)s AND queue = ANY (%(queues)s::text[])
