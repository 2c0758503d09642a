"""The one door: HTTP under /api/v1."""
