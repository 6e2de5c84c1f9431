"""`hpo confirm`: the best trials once more, under further seeds."""

import json
import shlex

import click

from hpo.commands.options import plain_errors, storage_option, study_option


@click.command(
    short_help="Run the best trials again under further seeds and compare them.",
    epilog="Example: hpo confirm --study kobart --top 5 --seeds 3",
)
@study_option
@click.option(
    "--top",
    type=click.IntRange(2, 100),
    default=5,
    show_default=True,
    metavar="K",
    help="Take the K best completed trials.",
)
@click.option(
    "--trial",
    "trials",
    multiple=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="Take this completed trial instead of the best ones. May be repeated.",
)
@click.option(
    "--seeds",
    type=click.IntRange(2, 100),
    default=3,
    show_default=True,
    metavar="N",
    help="Run each of them under N seeds, other ones than the search's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@storage_option
@plain_errors
def confirm(
    study: str | None,
    top: int,
    trials: tuple[int, ...],
    seeds: int,
    as_json: bool,
    storage: str,
) -> None:
    """Run the best trials again under further seeds, and say which is the best.

    The runs are queued in a study of their own, NAME.confirm, which workers take like any other.
    Asking again adds what is missing, more trials or more seeds, and shows what is known so far.
    """
    from hpo.confirm import words
    from hpo.confirm.companion import confirm as ask
    from hpo.confirm.results import confirmed
    from hpo.opening import choose_study, open_database

    with open_database(storage) as database:
        name = choose_study(database, study)
        asked = ask(database, name, top=top, seeds=seeds, numbers=trials)
        _, results = confirmed(database, name)
    if as_json:
        click.echo(json.dumps(words.as_json(results), ensure_ascii=False, indent=2))
        return
    if asked.new:
        numbers = ", ".join(map(str, asked.candidates))
        click.echo(
            f"study {asked.study!r} created: {asked.runs} runs,"
            f" trials {numbers} of {name!r} under {seeds} seeds each"
        )
    elif asked.extension is not None:
        before, after = asked.extension.before, asked.extension.after
        click.echo(f"study {asked.study!r} extended from {before} runs to {after}")
    if not trials and len(asked.candidates) < top:
        click.echo(f"{name!r} has no more than {len(asked.candidates)} completed trials to compare")
    if any(candidate.values for candidate in results.candidates):
        for line in words.lines(results):
            click.echo(line)
    if any(candidate.left for candidate in results.candidates):
        click.echo(f"next: hpo worker --study {shlex.quote(asked.study)}")
    else:
        click.echo(f"next: hpo best --study {shlex.quote(name)} --confirmed --export config.yaml")
