"""Runs: plan, submission, records, status, cancellation and audit."""
