"""Connectomes in the shapes that other programs read: dense tables, stacked arrays, GraphML, BIDS's draft names."""
