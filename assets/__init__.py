"""Files that ship with Jobdeck: samples, offline API documentation."""
