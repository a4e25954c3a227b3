"""`qsup graph`: who dispatches which job, on which queue, to which workers. Pure: what was read in, a drawing out."""
