"""`python -m tokloom.cli`, where the command itself isn't on the path."""

from tokloom.cli import main

main()
