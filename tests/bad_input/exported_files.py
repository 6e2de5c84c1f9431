"""Exported configurations, model folders and scores that somebody has edited by hand."""

import json

from bad_input.case import KNOWN_FAILURE, WRONG_INPUT, Case

from config.load import dump, load

EXPORT = dump(load("demo"), comments=["trial 3 of study demo: rouge 0.5, epoch 3"])
TRAIN = ("train", "-c", "e.yaml", "--output", "o")
PREDICT = ("predict", "--model", "m", "--data", "d.csv", "--out", "o.csv")
DATA = "fname,dialogue\na,#Person1#: 안녕\n"
BART = json.dumps({"model_type": "bart", "d_model": 16})


def _edited(name: str, old: str, new: str, *says: str) -> Case:
    assert old in EXPORT, old
    text = EXPORT.replace(old, new, 1)
    return Case(f"export: {name}", TRAIN, says, WRONG_INPUT, {"e.yaml": text})


def _model(name: str, files: dict[str, str], *says: str) -> Case:
    inside = {f"m/{path}": text for path, text in files.items()}
    return Case(f"model: {name}", PREDICT, says, KNOWN_FAILURE, {**inside, "d.csv": DATA})


EDITED = (
    _edited("a field misspelt", "learning_rate:", "learnin_rate:", "learnin_rate", "e.yaml"),
    _edited("a section misspelt", "generation:", "generaton:", "generaton"),
    _edited("a section twice", "generation:", "model: {}\ngeneration:", "twice"),
    _edited("a field out of range", "warmup_ratio: 0.1", "warmup_ratio: 10", "warmup_ratio"),
    _edited("a value lost", "num_beams: 1", "num_beams:", "num_beams"),
    _edited("an indent lost", "  num_beams", " num_beams", "e.yaml"),
    _edited("cut off", EXPORT[len(EXPORT) // 2 :], "\n  x: {", "e.yaml"),
    _edited("provenance as text", "provenance: null", "provenance: mine", "provenance"),
    _edited("no architecture's init", "init: random", "init: pretrained", "init"),
)

MODELS = (
    _model("an empty scores.json", {"scores.json": ""}, "m holds no model"),
    _model("scores.json without best", {"scores.json": "{}"}, "m holds no model"),
    _model("scores.json that is a list", {"scores.json": "[]"}, "m holds no model"),
    _model(
        "a model that is gone",
        {"scores.json": '{"best": {"checkpoint": "evaluation-3"}}'},
        "evaluation-3",
    ),
    _model(
        "a way out of the folder",
        {"scores.json": '{"best": {"checkpoint": "../../etc"}}'},
        "etc",
    ),
    _model("a checkpoint that is a number", {"scores.json": '{"best": {"checkpoint": 3}}'}, "m"),
    _model("no settings", {"config.json": BART}, "settings.yaml"),
    _model(
        "settings of a wrong kind", {"config.json": BART, "settings.yaml": "[]"}, "settings.yaml"
    ),
    _model(
        "settings edited wrongly",
        {"config.json": BART, "settings.yaml": EXPORT.replace("num_beams: 1", "num_beams: 0")},
        "num_beams",
    ),
    _model("no tokenizer", {"config.json": BART, "settings.yaml": EXPORT}, "tokenizer.json"),
    _model(
        "a damaged tokenizer",
        {"config.json": BART, "settings.yaml": EXPORT, "tokenizer.json": "{"},
        "tokenizer",
    ),
)

CASES = (*EDITED, *MODELS)
