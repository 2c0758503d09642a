"""How Jobdeck gets onto a machine. `bootstrap.py` is the door; nothing here is part of the product."""
