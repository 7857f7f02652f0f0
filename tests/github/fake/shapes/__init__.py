"""JSON as GitHub writes it, one builder a schema, full enough to pass GitHub's own description; no state here."""
