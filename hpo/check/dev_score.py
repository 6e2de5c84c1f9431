"""The dev score of the model that wrote a submission."""

from pathlib import Path

from hpo.check.finding import Finding
from hpo.submission_source import Source, fingerprint_of, read_source
from trainer.errors import NoDevScore, TrainerError
from trainer.scores import score_of

NAME = "score"
NAME_IT = "name the model's folder with --model"


def models_of(file: Path, model: Path | None) -> tuple[Path, ...]:
    """The models that wrote the file: the one named, else those that were kept with it."""
    if model is not None:
        return (model,)
    source = read_source(file)
    return () if source is None else tuple(map(Path, source.models))


def look_at_score(file: Path, model: Path | None) -> Finding:
    """Say what it reached on dev. Raises TrainerError where a model that was named has no score."""
    if model is not None:
        return Finding(NAME, "ok", _told(model))
    source = read_source(file)
    if source is None:
        return Finding(NAME, "warning", "which model wrote the file is not known", NAME_IT)
    try:
        text = "; ".join(_told(Path(each)) for each in source.models)
    except TrainerError as error:
        text, _, mend = str(error).partition("; ")
        return Finding(NAME, "warning", text, mend if isinstance(error, NoDevScore) else NAME_IT)
    text += _how(source)
    if source.sha256 != fingerprint_of(file):
        text += "; but the file was changed since it was written"
        return Finding(NAME, "warning", text, "predict again, or look at what was changed")
    return Finding(NAME, "ok", text)


def _told(model: Path) -> str:
    score = score_of(model)
    return f"{score.metric} {score.value:.4f} on dev after epoch {score.epoch:g}: {model}"


def _how(source: Source) -> str:
    how = ""
    if source.combine is not None:
        how += f"; each alone, combined by {source.combine}"
    if source.num_beams is not None:
        how += f"; the file was written with --num-beams {source.num_beams}"
    return how
