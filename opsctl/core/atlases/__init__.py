"""neuroparc's atlases: their names as m2g matches them, their regions, and the memory that they need."""
