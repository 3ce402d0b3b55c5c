"""The measurements: each one a ratio, both sides in one run. Nothing here is asserted by a test."""
