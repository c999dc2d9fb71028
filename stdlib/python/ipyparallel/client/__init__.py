"""The client's side: `client`, `view`, `asyncresult`, and the magics of the shell."""
