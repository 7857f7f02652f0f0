"""What a contract lets happen where two sides meet in one file: pure rules, nothing is read or run here."""
