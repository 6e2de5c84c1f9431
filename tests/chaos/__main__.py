"""`python -m chaos`: a search of real processes under faults, and whether it came out unharmed."""

import os
import shutil
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from chaos.run import Result, run
from chaos.schedule import Plan


@click.command()
@click.option("--database", type=click.Choice(["postgresql", "sqlite"]), default="postgresql")
@click.option("--workers", default=8, show_default=True)
@click.option("--trials", default=60, show_default=True)
@click.option("--kills", default=30, show_default=True)
@click.option("--pauses", default=5, show_default=True)
@click.option("--outages", default=3, show_default=True)
@click.option("--lease", default=6.0, show_default=True, help="Seconds.")
@click.option("--seed", default=1, show_default=True)
@click.option("--keep", is_flag=True, help="Leave the folder with the workers' logs.")
def main(  # noqa: PLR0917 - click gives them by name
    database: str,
    workers: int,
    trials: int,
    kills: int,
    pauses: int,
    outages: int,
    lease: float,
    seed: int,
    keep: bool,
) -> None:
    """Disturb a search, and count what was lost: exit status 1 when anything was."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # trials are trained again, to the last digit
    plan = Plan(trials, kills, pauses, outages, lease, seed)
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="hpo-chaos-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user
    try:
        result = run(plan, database, workers=workers, folder=folder, say=console.print)
    finally:
        if keep:
            console.print(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    show(result, console)
    if result.failed:
        raise SystemExit(1)


def show(result: Result, console: Console) -> None:
    """Print the table, and each thing that is not as promised."""
    table = Table("what", "count", "promised", "", box=None)
    for row in result.rows:
        allowed = "" if row.allowed is None else _range(*row.allowed)
        verdict = "" if row.allowed is None else "FAILED" if row.fails else "ok"
        table.add_row(row.what, str(row.found), allowed, verdict)
    console.print(table)
    for line in result.details:
        console.print(line, highlight=False)


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


if __name__ == "__main__":
    main()
