"""Messages that say that a run has ended, and the addresses that they are sent to."""
