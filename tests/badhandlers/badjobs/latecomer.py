"""A module that sets something up when it is imported, as libraries do."""

from __future__ import annotations

import os
import sys

os.environ["MISERY"] = "of an import"
sys.path.append("/imported")
sys.setrecursionlimit(5000)
