"""What librouteros makes of a router's bytes, mended where that is wrong or dangerous.

It turns `=name=254712345678` into a number and `=name=yes` into True; takes an empty sentence, which the protocol
allows, for an error; and writes every word, passwords too, into the debug log.
"""

from __future__ import annotations

import logging

from librouteros.api import Api
from librouteros.protocol import parse_word

from handlers.router_values import TEXTS

# Its debug log holds every word that is sent.
logging.getLogger("librouteros").setLevel(logging.INFO)


class Replies(Api):
    """librouteros's Api, whose rows have text where text is meant."""

    def readSentence(self) -> tuple[str, dict[str, str | int | bool]]:  # noqa: N802  librouteros's name
        """The reply word and its attributes. Raises what librouteros raises."""
        while True:
            try:
                reply_word, words = self.protocol.readSentence()
                return reply_word, dict(_attribute(word) for word in words)
            except IndexError:
                # An empty sentence; or a !fatal without a reason, which has closed the connection.
                continue


def _attribute(word: str) -> tuple[str, str | int | bool]:
    name, value = parse_word(word)
    return (name, word.split("=", 2)[2]) if name in TEXTS else (name, value)
