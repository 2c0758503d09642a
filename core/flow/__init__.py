"""The pure machine that decides what a run does next."""
