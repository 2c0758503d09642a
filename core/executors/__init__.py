"""Kinds of access (SSH, local) behind one small protocol."""
