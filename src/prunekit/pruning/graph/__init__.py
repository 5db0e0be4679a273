"""Which channels feed which: traced from a model, with the consequences of removing some of them."""
