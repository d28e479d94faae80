"""Run the `ragkit` command as `python -m ragkit`."""

from ragkit.cli.app import main

main()
