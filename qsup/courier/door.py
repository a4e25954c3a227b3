"""Where workers come in: only processes of our own user, each named by the kernel."""

from __future__ import annotations

import os
import socket
import struct
import time

from qsup.channel import Channel
from qsup.courier.peers import Peer


def accept(listener: socket.socket) -> Peer | None:
    """A new connection, if there is one of our own user."""
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return None
        pid, uid = credentials(sock)
        if uid == os.getuid():
            return Peer(Channel(sock), pid, since=time.monotonic())
        sock.close()


def credentials(sock: socket.socket) -> tuple[int, int]:
    """(pid, uid) of the process at the other end; (0, our uid) where the system cannot say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return 0, os.getuid()
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return pid, uid
