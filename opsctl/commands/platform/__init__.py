"""The platform: up, down, state, orphans and image."""
