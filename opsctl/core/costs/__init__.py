"""Prices, attempt durations, estimates and bills."""
