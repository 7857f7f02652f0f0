"""Which sets of waiting changes to test next: pure functions from facts to a plan; the engine decides what lands."""
