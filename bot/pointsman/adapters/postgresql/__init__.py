"""PostgreSQL for proofs: a server of our own or one that is named, and a role and database per proof."""
