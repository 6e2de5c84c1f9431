"""W&B sweep files that W&B would not search with either."""

from bad_input.case import KNOWN_FAILURE, Case, Content, fifo, folder

WORDS = ("import-sweep", "w.yaml", "--out", "study.yaml")
RANDOM = "method: random\n"
ONE = "parameters: {num_beams: {value: 2}}\n"
FLOOR = "parameters: {weight_decay: {min: 0.0, max: 0.1}}\n"


def _file(name: str, content: Content, *says: str) -> Case:
    return Case(f"sweep: {name}", WORDS, says, files={"w.yaml": content})


def _parameter(name: str, text: str, *says: str) -> Case:
    return _file(name, f"{RANDOM}parameters:\n  lr: {text}\n", "w.yaml: line 3", *says)


FILES = (
    Case("sweep: no such file", WORDS, ("w.yaml", "no such file")),
    Case("sweep: no --out", ("import-sweep", "w.yaml"), ("--out",)),
    Case(
        "sweep: a folder that is not there",
        ("import-sweep", "w.yaml", "--out", "no/study.yaml"),
        ("cannot write no/study.yaml",),
        KNOWN_FAILURE,
        {"w.yaml": RANDOM + ONE},
    ),
    Case(
        "sweep: a base that is not there",
        (*WORDS, "--config", "bsae.yaml"),
        ("bsae.yaml", "no such file"),
        files={"w.yaml": RANDOM + ONE},
    ),
    _file("a folder", folder, "w.yaml"),
    _file("a pipe", fifo, "w.yaml", "pipe"),
    _file("empty", "", "w.yaml", "not a mapping"),
    _file("no YAML", "method: [\n", "w.yaml", "line"),
    _file("CP949", "name: 대화\n".encode("cp949"), "UTF-8"),
    _file("no method", ONE, "lacks method"),
    _file("unknown method", f"method: bayse\n{ONE}", "line 1", "did you mean bayes?"),
    _file("method as a list", f"method: [grid]\n{ONE}", "line 1", "method"),
    _file("unknown key", f"{RANDOM}paramters: {{}}\n", "line 2", "did you mean parameters?"),
    _file("no parameters", RANDOM, "lacks parameters"),
    _file("empty parameters", f"{RANDOM}parameters: {{}}\n", "line 2", "empty"),
    _file("parameters as a list", f"{RANDOM}parameters: [lr]\n", "line 2", "mapping"),
    _file("bayes without a metric", f"method: bayes\n{ONE}", "lacks metric"),
    _file("unknown goal", f"{RANDOM}metric: {{name: rougeL, goal: max}}\n{ONE}", "line 2", "maxi"),
    _file("metric without a name", f"{RANDOM}metric: {{goal: maximize}}\n{ONE}", "lacks name"),
    _file("metric as text", f"{RANDOM}metric: rougeL\n{ONE}", "line 2", "mapping"),
    _file("run_cap of none", f"{RANDOM}run_cap: 0\n{ONE}", "line 2", "at least 1"),
    _file("run_cap beyond measure", f"{RANDOM}run_cap: 100000000\n{ONE}", "n_trials"),
    _file("grid over the endless", f"method: grid\n{FLOOR}", "line 2", "uniform", "values"),
    _file(
        "grid with probabilities",
        "method: grid\nparameters:\n  lr: {values: [1e-5], probabilities: [1]}\n",
        "line 3",
        "probabilities",
    ),
    _file("two of one field", f"{RANDOM}parameters: {{lr: {{value: 1}}, learning_rate: "
          "{value: 1}}\n", "line 2", "keep one"),
)  # fmt: skip

PARAMETERS = (
    ("parameter as a number", "3", "mapping"),
    ("parameter without a value", "{}", "says no value"),
    ("min alone", "{min: 1}", "says no value"),
    ("min above max", "{min: 2, max: 1}", "not below max"),
    ("min in words", "{min: low, max: 1}", "'low' is not a number"),
    ("min that is true", "{min: true, max: 2}", "True is not a number"),
    ("min beyond measure", "{min: -.inf, max: 2}", "can be searched"),
    ("an unknown distribution", "{distribution: log_unifrom}", "did you mean log_uniform?"),
    ("another distribution's key", "{distribution: uniform, min: 0, max: 1, q: 1}", "q", "key"),
    ("a logarithm of 0", "{distribution: log_uniform_values, min: 0, max: 1}", "no logarithm"),
    ("exponents beyond measure", "{distribution: log_uniform, min: 1, max: 9999}", "too large"),
    ("q of 0", "{distribution: q_uniform, min: 0, max: 1, q: 0}", "q above"),
    ("sigma below 0", "{distribution: normal, sigma: -1}", "below 0"),
    ("int_uniform over fractions", "{distribution: int_uniform, min: 0.5, max: 2}", "whole"),
    ("no values", "{values: []}", "list of values"),
    ("values as text", "{values: a}", "list of values"),
    ("too few probabilities", "{values: [1, 2], probabilities: [1]}", "give each value one"),
    ("probabilities above 1", "{values: [1, 2], probabilities: [1, 1]}", "add up to 1"),
    ("nested beside a value", "{parameters: {x: {value: 1}}, value: 1}", "value", "key"),
)

STOPS = (
    ("no type", "{min_iter: 3}", "lacks type"),
    ("unknown type", "{type: envelope, min_iter: 3}", "envelope"),
    ("no iterations", "{type: hyperband}", "lacks min_iter"),
    ("max_iter without s", "{type: hyperband, max_iter: 27}", "lacks s"),
    ("eta of 1", "{type: hyperband, min_iter: 3, eta: 1}", "above 1"),
    ("no band before max_iter", "{type: hyperband, max_iter: 2, s: 1}", "no band"),
    ("half an iteration", "{type: hyperband, min_iter: 0.5}", "at least 1"),
    ("strict in words", "{type: hyperband, min_iter: 3, strict: very}", "true or false"),
)
METRIC = "metric: {name: rougeL, goal: maximize}\n"

CASES = (
    *FILES,
    *(_parameter(name, text, *says) for name, text, *says in PARAMETERS),
    *(
        _file(f"stop, {name}", f"{RANDOM}{METRIC}{ONE}early_terminate: {text}\n", "line 4", *says)
        for name, text, *says in STOPS
    ),
)
