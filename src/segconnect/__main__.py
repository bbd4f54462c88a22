"""The command line's door: `segconnect`, or `python -m segconnect`."""

from segconnect.cli import main

if __name__ == "__main__":
    main()
