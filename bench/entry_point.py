"""What an installation writes as the `hveadmin` script."""

from hveadmin.cli.app import main

if __name__ == "__main__":
    main()
