"""How many scans share an instance: measured peaks, the rule, and the size of a job."""
