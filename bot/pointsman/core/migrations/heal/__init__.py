"""Plans the repair of a migration fork as data: what moves, what is added, what is refused; nothing is written."""
