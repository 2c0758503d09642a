"""Peers: joins several engines into a cluster (not built yet)."""
