"""What the contestants' workers import. The interpreters of the peers load it too: nothing of qsup's in here."""
