"""The `ragkit` command."""

from ragkit.cli.app import main as main
