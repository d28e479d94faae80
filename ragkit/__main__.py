"""`python -m ragkit` is `ragkit`."""

from ragkit.cli.app import main

main()
