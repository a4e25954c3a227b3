"""What Python source says without running it: scopes, values that a name may have, and where jobs are dispatched."""
