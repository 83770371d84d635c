"""The installed command: `openbourse …`, also `python -m openbourse …`."""

from openbourse.cli.app import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
