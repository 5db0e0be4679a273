"""Which channels feed which: traced from a model, and what follows when some of them go."""
