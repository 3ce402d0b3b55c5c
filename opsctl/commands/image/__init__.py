"""The jobs' image: the base that it stands on, and what it holds."""
