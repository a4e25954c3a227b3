-- Another number of workers than the file's, for files that say one of `scaled_from`; NULL: as the file says.
UPDATE qsup.queues AS q SET scale = %(workers)s::int, scaled_from = %(scaled_from)s::int[] WHERE q.name = %(queue)s
