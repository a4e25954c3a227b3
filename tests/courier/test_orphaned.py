"""A courier whose supervisor is gone ends, however it comes to know."""

from __future__ import annotations

import socket

from qsup.messages import Applied
from tests.courier.rig import Rig, a_queue, a_routing


def test_it_ends_although_it_meets_the_loss_in_writing_and_not_in_reading(rig: Rig) -> None:
    rig.configure(a_routing(a_queue("q")), fill=False)
    rig.until(lambda: rig.heard(Applied), "applied")
    rig.courier.channel.socket.shutdown(socket.SHUT_RD)
    rig.configure(a_routing(a_queue("q")), fill=False)
    assert rig.courier.popen.wait(20) == 0
