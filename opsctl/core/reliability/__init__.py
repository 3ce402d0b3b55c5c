"""How far the connectomes of repeated measurements agree."""
