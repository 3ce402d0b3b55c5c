"""A run played through before it starts: a discrete-event simulation of instances, queue, reclaims and bill."""
