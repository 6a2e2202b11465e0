"""`python -m hveadmin` is `hveadmin`."""

from hveadmin.cli.app import main

if __name__ == "__main__":
    main()
