"""Draws the repair of a migration fork, as text and as SVG; it says what is there and decides nothing."""
