"""`python -m lcspec`: the command line."""

from lcspec.cli.main import main

if __name__ == "__main__":
    main()
