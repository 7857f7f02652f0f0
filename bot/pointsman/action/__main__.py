"""`python -m pointsman.action`: runs the step's command and turns its outcome into an exit code; no command is here."""

from pointsman.action.step import entry

entry()
