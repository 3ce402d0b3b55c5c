"""The report's section "Can you trust them": its figures in the drawing's units; the template draws them."""
