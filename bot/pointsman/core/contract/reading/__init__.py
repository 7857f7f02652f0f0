"""From bytes to a typed contract, or to every mistake in them; what the values mean is decided elsewhere."""
