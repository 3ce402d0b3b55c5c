"""`why` and `doctor`."""
