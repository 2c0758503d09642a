"""What a query of `Reader.read` is given, named for those who only hand it on."""

from sqlalchemy import Connection

__all__ = ["Connection"]
