"""Rules of deletion: what belongs to a dataset, a subject, an output folder or a run."""
