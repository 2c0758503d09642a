"""Secrets at rest, handed out at the last moment and masked on the way back."""
