"""`python -m qsup` is `qsup`."""

from qsup.cli import main

if __name__ == "__main__":
    main()
