"""What the verbs do: they take adapters, return values, and never print, exit or read the environment."""
