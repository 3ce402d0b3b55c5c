"""`--notify`: who is told when a run has ended, and how."""
