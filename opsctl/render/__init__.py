"""The one place that prints, and the only one that knows rich. Words go to standard error, data to standard output."""
