"""`python -m pointsman`: the same entry point as the console script."""

from pointsman.cli.main import entry

if __name__ == "__main__":
    entry()
