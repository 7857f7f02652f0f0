"""The runner and the local gates, on real processes; no test stands here."""
