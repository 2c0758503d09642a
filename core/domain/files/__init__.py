"""Rules of file transfers: where a file may land, and from which byte on it is sent. Pure."""
