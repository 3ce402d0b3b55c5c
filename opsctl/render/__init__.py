"""All printing, and the only importer of rich. Messages go to standard error, data to standard output."""
