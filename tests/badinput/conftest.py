"""A courier and a template that are told nothing yet, and a qsup command line, each with a database of its own."""

from tests.cli.conftest import qsup, shop
from tests.courier.conftest import rig

__all__ = ["qsup", "rig", "shop"]
