"""The parts of a sweep file that are not about the search: names, the program, W&B's own."""

from __future__ import annotations

from config.problems import shown
from config.sweep.findings import Left, Note
from config.sweep.source import Written

# What hpo has no use for, with the reason.
NO_USE = {
    "program": "hpo trains with its own program",
    "controller": "hpo's workers choose the trials by themselves",
    "kind": "hpo needs no such mark",
    "apiVersion": "hpo needs no such mark",
}
# What has a meaning that is lost.
LOST = {
    "metrics": "hpo maximizes one metric; write metric",
    "scheduler": "hpo's samplers are set in optuna.sampler",
    "job": "hpo starts no W&B jobs; start hpo worker on each machine",
    "image_uri": "hpo starts no W&B jobs; start hpo worker in the image",
}
SETTINGS = {"project": "project", "entity": "entity", "description": "notes"}
SETUP = ("name", "command", *NO_USE, *LOST, *SETTINGS)
LAUNCHERS = ("python", "python3", "uv", "run", "accelerate", "launch", "torchrun", "-m", "-u")


def settings_of(sweep: Written) -> tuple[dict[str, object], list[Left | Note]]:
    """Give the wandb section that the sweep asks for, and what it says that is not taken over."""
    said: list[Left | Note] = []
    wandb: dict[str, object] = {}
    for key, child in sweep.children():
        if key in NO_USE:
            said.append(Note(child, f"not needed: {NO_USE[key]}"))
        elif key in LOST:
            said.append(Left(child, LOST[key]))
        elif key in SETTINGS:
            wandb[SETTINGS[key]] = _text(child)
        elif key == "command":
            said += _command(child, sweep.get("program"))
        elif key == "name":
            _text(child)
    return ({"wandb": wandb} if wandb else {}), said


def _text(written: Written) -> str:
    if isinstance(written.value, list | dict | None) or not str(written.value).strip():
        written.refuse(f"{shown(written.value)} is not a name; write text")
    return str(written.value)


def _command(command: Written, program: Written | None) -> list[Left | Note]:
    """Name what the command passes besides the sweep's parameters: those are settings, too."""
    own = (*LAUNCHERS, None if program is None else program.value)
    extra = [
        word
        for word in command.items()
        if word.value not in own and not str(word.value).startswith("${") and not _runs(word)
    ]
    said: list[Left | Note] = [Note(command, "not needed: hpo trains with its own program")]
    said += [Left(one, f"{shown(one.value)}: write it as a field of hpo's") for one in extra]
    return said


def _runs(word: Written) -> bool:
    return str(word.value).endswith((".py", "/python", "/env"))
