"""The steps of the bench, one file each."""
