"""Ways from the engine to people: a signed webhook, and what Apprise knows."""
