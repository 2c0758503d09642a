"""Documents and pure rules: no clock, no randomness, no I/O."""
