"""`python -m qsup.embedded`: the database child."""

from __future__ import annotations

import sys

from qsup.embedded.serve import main

sys.exit(main())
