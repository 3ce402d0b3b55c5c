"""The self-test of a platform: its checks, remedies, phases and report."""
