"""`python -m mockserver`: the same door as the `mockserver` command."""

from mockserver.cli import main

if __name__ == "__main__":
    main()
