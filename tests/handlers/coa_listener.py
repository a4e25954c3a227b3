"""A FreeRADIUS that plays the router's side of RFC 5176: it answers Disconnect-Request by the session's number."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handlers.sandbox.radius import SECRET, Daemon, free_udp_port

CONFIGURATION = """
prefix = /usr
raddbdir = "{folder}"
confdir = ${{raddbdir}}
name = listener
logdir = ${{raddbdir}}
run_dir = ${{raddbdir}}
pidfile = ${{run_dir}}/listener.pid
proxy_requests = no
log {{
    destination = files
    file = ${{logdir}}/radius.log
}}
security {{
    allow_vulnerable_openssl = no
}}
client us {{
    ipaddr = 127.0.0.1
    secret = {secret}
}}
modules {{
    always ok {{
        rcode = ok
    }}
    always reject {{
        rcode = reject
    }}
    linelog {{
        filename = ${{logdir}}/requests
        format = "%{{Packet-Type}} %{{User-Name}} %{{Acct-Session-Id}} %{{Framed-IP-Address}}"
    }}
}}
server router {{
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {port}
    }}
    recv-coa {{
        linelog
        if (&Acct-Session-Id =~ /^gone/) {{
            update reply {{
                &Error-Cause := Session-Context-Not-Found
            }}
            reject
        }}
        elsif (&Acct-Session-Id =~ /^fixed/) {{
            update reply {{
                &Error-Cause := Session-Context-Not-Removable
            }}
            reject
        }}
        elsif (&Acct-Session-Id =~ /^busy/) {{
            update reply {{
                &Error-Cause := Resources-Unavailable
            }}
            reject
        }}
        elsif (&Acct-Session-Id =~ /^mute/) {{
            reject
        }}
        else {{
            ok
        }}
    }}
}}
"""


class Listener:
    """A router at 127.0.0.1:`port`. A session whose number begins with `gone`, `fixed`, `busy` or `mute` is refused."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    @property
    def requests(self) -> list[str]:
        """What it was asked since it was last asked for this: type, user, session, address."""
        path = self.folder / "requests"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@contextmanager
def listening(secret: str = SECRET) -> Iterator[Listener]:
    """The listener, until the end of the block."""
    folder, port = Path(tempfile.mkdtemp(prefix="qsup-coa-")), free_udp_port()
    try:
        (folder / "radiusd.conf").write_text(CONFIGURATION.format(folder=folder, secret=secret, port=port))
        with Daemon(folder):
            yield Listener(folder, port)
    finally:
        shutil.rmtree(folder)
