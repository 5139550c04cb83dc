"""`python -m bots` is `dangol`."""

from bots.cli import main

main()
