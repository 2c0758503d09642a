"""The queue's rules: which run begins next, and why another has to wait."""
