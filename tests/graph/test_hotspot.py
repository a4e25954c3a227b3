"""The drawing of the hotspot, which the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qsup.graph.model import Graph
from qsup.graph.svg import svg
from tests.graph.test_agreement import agree
from tests.graph.worlds import drawn

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "reference" / "hotspot.svg"


@pytest.fixture(scope="module")
def hotspot() -> Graph:
    """Read once: the handlers are most of what this costs."""
    seen, graph = drawn(ROOT)
    agree(seen, graph)
    return graph


def test_nothing_is_red(hotspot: Graph) -> None:
    assert hotspot.problems == ()
    assert not [node for node in hotspot.nodes if node.why]
    assert not [edge for edge in hotspot.edges if edge.why]


def test_a_payment_leads_to_an_account_on_the_router_and_that_to_a_message(hotspot: Graph) -> None:
    between = {
        (edge.source.removeprefix("job:"), edge.target.removeprefix("job:"))
        for edge in hotspot.edges
        if edge.source.startswith("job:") and edge.target.startswith("job:") and edge.source != edge.target
    }
    assert between == {
        ("ProcessPaymentJob", "ProvisionUserInMikroTikJob"),
        ("ReconcilePaymentsJob", "ProvisionUserInMikroTikJob"),
        ("DisconnectHotspotUserJob", "ProvisionUserInMikroTikJob"),
        ("ProvisionUserInMikroTikJob", "SendCredentialsSMSJob"),
        ("CheckExpiredSessionsJob", "DisconnectHotspotUserJob"),
    }


def test_the_picture_in_the_documentation_is_current(hotspot: Graph) -> None:
    # The numbers of lines move with every edit of a handler; nobody reads them in this picture.
    numbers = re.compile(r"(?<=\.py):\d+")
    written = PICTURE.read_text(encoding="utf-8")
    assert numbers.sub("", svg(hotspot)) == numbers.sub("", written), "run `make docs`"
