"""A run played through before it starts: instances, queue, Spot reclaims and the bill, as a discrete-event simulation."""
