"""Sends messages to services outside, by apprise."""
