"""Why a job is not running: what was found about it (`facts`), what follows (`judge`), and who asks (`ask`, `here`)."""
