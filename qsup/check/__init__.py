"""The validator: problems, rules, and what is read from the source and the database. It never imports user code."""
