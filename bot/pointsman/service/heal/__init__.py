"""Healing one change from end to end: merge, plan, regenerate, prove, ask, explain; it moves no ref."""
