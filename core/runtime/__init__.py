"""Performs what the machine decides, records first, recovers after a crash."""
