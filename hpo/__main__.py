"""`python -m hpo` and the script `hpo`: Ctrl-C is prepared for before anything else loads."""

from hpo.ctrl_c import end_imports_at_once


def main() -> None:
    """Run the command line in this process."""
    end_imports_at_once()
    from hpo.cli import main as command_line  # noqa: PLC0415 - only now may it be interrupted

    command_line(prog_name="hpo")


if __name__ == "__main__":
    main()
