"""The pages of plain mode, a subject a module."""
