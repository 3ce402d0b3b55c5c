"""Log lines: parsing, filters and the polling window."""
