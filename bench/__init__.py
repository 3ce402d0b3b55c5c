"""Measurements of speed and cost, each a ratio of two sides in one run. No test asserts their figures."""
