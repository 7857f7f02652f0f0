"""What several test folders share; no test stands here."""
