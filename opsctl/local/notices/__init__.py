"""The messages that the local platform sends when runs end."""
