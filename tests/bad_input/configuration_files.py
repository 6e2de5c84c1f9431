"""Configuration files that cannot be used, in each way that a file can be wrong."""

from bad_input.case import Case, Content, fifo, folder, link_to

CREATE = ("create", "-s", "s", "-c", "c.yaml")


def _file(name: str, content: Content, *says: str) -> Case:
    return Case(f"file: {name}", CREATE, says, files={"c.yaml": content})


def _bomb(levels: int) -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    inner = "\n".join(f"  {row}" for row in rows)
    return f"provenance:\n{inner}\n"


FILES = (
    _file("empty list", "[]\n", "c.yaml", "not a mapping"),
    _file("a number", "3\n", "not a mapping"),
    _file("a sentence", "train it well\n", "not a mapping"),
    _file("a list of sections", "- training: {}\n", "not a mapping"),
    _file("two documents", "training: {}\n---\nmodel: {}\n", "line 2", "YAML"),
    _file("a tab", "training:\n\tseed: 1\n", "line 2"),
    _file("an open bracket", "training: {learning_rate: 1\n", "line"),
    _file("an open quote", "model: {name: 'x}\n", "line"),
    _file("a colon too many", "training: learning_rate: 1\n", "line 1"),
    _file("wrong indent", "training:\n  learning_rate: 1\n weight_decay: 0\n", "line 3"),
    _file("no space after the colon", "training:\n  learning_rate:1\n", "training"),
    _file("unknown alias", "training: *nothing\n", "line 1", "nothing"),
    _file("unknown tag", "training: !lr 3\n", "line 1", "!lr"),
    _file("python tag", "training: !!python/object/apply:os.system [ls]\n", "line 1"),
    _file("a key twice", "training: {weight_decay: 0, weight_decay: 1}\n", "twice"),
    _file("a section twice", "training: {}\ntraining: {}\n", "line 2", "twice"),
    _file("a key that is a list", "? [a, b]\n: 1\n", "line 1", "word"),
    _file("CP949", "general: {project_name: 대화 요약}\n".encode("cp949"), "UTF-8"),
    _file("UTF-16", "training: {}\n".encode("utf-16"), "UTF-8"),
    _file("latin-1", "general: {project_name: café}\n".encode("latin-1"), "UTF-8", "byte"),
    _file("NUL", b"training: {}\n\x00", "c.yaml", "UTF-8 text"),
    _file("control character", b"general: {project_name: a\x07b}\n", "UTF-8 text"),
    _file("half a character", b"general: {project_name: \xed\xa0\x80}\n", "UTF-8"),
    _file("BOM and a mistake", "\ufefftraining: {lr: 1}\n", "training.lr", "learning_rate"),
    _file("CRLF and a mistake", "training:\r\n  lr: 1\r\n", "training.lr", "learning_rate"),
    _file("old Mac line ends", "training:\r  lr: 1\r", "training.lr", "learning_rate"),
    _file("billion laughs", _bomb(9), "c.yaml", "references"),
    _file("contains itself", "provenance: &p {self: *p}\n", "itself"),
    _file("merges itself", "training: &t\n  <<: *t\n", "c.yaml"),
    _file("merge of a list", "training: {<<: [1, 2]}\n", "line 1"),
    _file("deep nesting", "provenance: " + "[" * 5000 + "]" * 5000 + "\n", "nested"),
    _file("huge", "# " + "x" * 11_000_000 + "\n", "c.yaml", "MB"),
    _file("huge integer", "general: {seed: " + "9" * 5000 + "}\n", "c.yaml", "value"),
    _file("huge hexadecimal", "general: {seed: 0x" + "f" * 5000 + "}\n", "seed"),
    _file("a folder", folder, "c.yaml", "file"),
    _file("a pipe", fifo, "c.yaml", "file"),
    _file("a link to itself", link_to("c.yaml"), "c.yaml"),
    _file("a dangling link", link_to("nowhere.yaml"), "c.yaml", "no such file"),
    _file("a link to endless zeros", link_to("/dev/zero"), "c.yaml"),
    _file("a disk error", link_to("/proc/self/mem"), "c.yaml", "cannot be read"),
    _file("unknown preset", "preset: kobrat\n", "kobrat", "did you mean kobart?"),
    _file("preset of a wrong kind", "preset: [kobart]\n", "preset", "kobart"),
)

FIELDS = (
    ("unknown section", "trainig: {}", "unknown key trainig", "did you mean training?"),
    ("section in Korean", "학습: {}", "학습", "valid here"),
    ("field in Korean", "training: {학습률: 1}", "training.학습률"),
    ("a typo", "training: {learning_rat: 1e-4}", "learning_rate"),
    ("another tool's name", "training: {batch_size: 8}", "per_device_train_batch_size"),
    ("a field in a wrong section", "training: {num_beams: 4}", "belongs in generation"),
    ("a field at the top", "learning_rate: 1e-4", "learning_rate", "training"),
    ("a secret in the file", "wandb: {api_key: x}", "api_key", "WANDB_API_KEY"),
    ("the storage in the file", "optuna: {storage: x}", "storage", "--storage"),
    ("a section that is a list", "training: [1]", "training", "[1]"),
    ("a section that is text", "model: kobart", "model", "kobart"),
    ("a field that is a mapping", "training: {learning_rate: {a: 1}}", "learning_rate"),
    (
        "a section one level too deep",
        "training: {training: {weight_decay: 0}}",
        "training.training",
    ),
    ("text for a number", "training: {learning_rate: fast}", "fast", "number"),
    ("a number in words", "training: {num_train_epochs: three}", "three", "whole number"),
    ("true for a number", "training: {num_train_epochs: true}", "num_train_epochs"),
    ("a fraction for a whole number", "training: {num_train_epochs: 2.5}", "2.5", "whole"),
    ("NaN", "training: {learning_rate: .nan}", "learning_rate", "finite"),
    ("infinity", "training: {learning_rate: .inf}", "learning_rate"),
    ("infinity in quotes", 'training: {learning_rate: "inf"}', "learning_rate"),
    ("NaN for a whole number", "training: {num_train_epochs: .nan}", "num_train_epochs"),
    ("negative", "training: {learning_rate: -1}", "learning_rate", "above 0"),
    ("zero epochs", "training: {num_train_epochs: 0}", "num_train_epochs", "at least 1"),
    ("too large", "training: {num_train_epochs: 99999999999999999999}", "num_train_epochs"),
    ("an exponent too large", "training: {learning_rate: 1e999}", "learning_rate"),
    ("a seed too large", "general: {seed: 4294967296}", "seed", "below 4294967296"),
    ("a negative seed", "general: {seed: -1}", "seed", "at least 0"),
    ("share of one", "training: {warmup_ratio: 1}", "warmup_ratio", "below 1"),
    ("empty text", 'model: {name: ""}', "model.name", "empty"),
    ("null for a number", "training: {weight_decay: null}", "weight_decay"),
    ("a date for a number", "training: {weight_decay: 2026-01-01}", "weight_decay"),
    ("yes for a choice", "training: {precision: yes}", "precision"),
    ("unknown word", "training: {lr_scheduler_type: cosin}", "did you mean cosine?"),
    ("unknown metric", "metric: {name: rouge3}", "rouge3", "rouge1"),
    ("unknown tokenizer", "metric: {tokenizer: mecab}", "mecab", "morpheme"),
    ("unknown cleaning step", "preprocessing: {cleaning: [emoji]}", "emoji", "newlines"),
    ("text for a list", "preprocessing: {special_tokens: abc}", "special_tokens"),
    ("an empty token", 'preprocessing: {special_tokens: [""]}', "special_tokens"),
    ("fp16 with bf16", "training: {fp16: true, bf16: true}", "fp16", "bf16"),
    ("fp16 against precision", "training: {fp16: true, precision: bf16}", "contradicts"),
    ("fp16 in words", "training: {fp16: maybe}", "fp16", "maybe"),
    ("minimize", "optuna: {direction: minimize}", "minimize", "maximize"),
    ("a metric given twice", "metric: {name: rouge1}\noptuna: {metric: rouge2}", "contradicts"),
    ("no trials", "optuna: {n_trials: 0}", "n_trials", "at least 1"),
    ("a negative time limit", "optuna: {timeout: -5}", "timeout"),
    ("attempts of zero", "optuna: {max_attempts: 0}", "max_attempts"),
    ("a stop without patience", "optuna: {stop: {min_improvement: 0.1}}", "stop", "patience"),
    ("a stop in words", "optuna: {stop: soon}", "stop"),
    ("a stop beyond the metric", "optuna: {stop: {patience: 3, min_improvement: 2}}", "at most 1"),
    ("a target in percent", "optuna: {stop: {target: 48.5}}", "target", "at most 1"),
    ("a password in the root", 'general: {checkpoint_root: "s3://u:p@h/b"}', "checkpoint_root"),
    ("a time limit in words", "optuna: {timeout: 2h}", "timeout", "2h"),
    ("architecture on pretrained", "model: {architecture: {d_model: 16}}", "init", "random"),
    ("data files without dev", "general: {data_path: {train: a.csv}}", "dev", "missing"),
    ("data path as a list", "general: {data_path: [a, b]}", "data_path"),
    ("W&B mode", "wandb: {mode: on-line}", "wandb.mode", "online"),
    ("output that is a mapping", "general: {output_dir: {a: b}}", "output_dir"),
)

SPACES = (
    ("unknown field", "{training.lr: {low: 0, high: 1}}", "training.lr", "learning_rate"),
    ("field without its section", "{learning_rate: {low: 0.1, high: 1}}", "learning_rate"),
    ("a section", "{training: {choices: [1]}}", "training", "single value"),
    ("a machine's field", "{general.seed: {low: 1, high: 3}}", "general.seed", "cannot vary"),
    ("a fixed field", "{training.evaluations_per_epoch: {choices: [1, 2]}}", "cannot vary"),
    ("no values", "{training.weight_decay: {}}", "weight_decay", "low and high, or choices"),
    ("no high", "{training.weight_decay: {low: 0}}", "high", "missing"),
    ("upside down", "{training.weight_decay: {low: 1, high: 0}}", "above", "swap"),
    ("log from zero", "{training.weight_decay: {low: 0, high: 1, log: true}}", "log"),
    ("log with step", "{training.weight_decay: {low: 0.1, high: 1, log: true, step: 0.1}}", "step"),
    ("a step that misses", "{training.weight_decay: {low: 0, high: 1, step: 0.3}}", "0.9"),
    ("a step of zero", "{training.weight_decay: {low: 0, high: 1, step: 0}}", "step", "above 0"),
    ("out of the field's range", "{training.learning_rate: {low: 0.1, high: 2}}", "at most 1"),
    ("NaN as an end", "{training.weight_decay: {low: .nan, high: 1}}", "finite"),
    ("text as an end", "{training.weight_decay: {low: small, high: 1}}", "small"),
    ("no choices", "{training.weight_decay: {choices: []}}", "choices", "at least one"),
    ("a choice twice", "{training.weight_decay: {choices: [0.1, 0.1]}}", "twice"),
    ("a choice of a wrong kind", "{training.num_train_epochs: {choices: [two]}}", "two"),
    ("a choice that is a list", "{training.num_train_epochs: {choices: [[1]]}}", "choices"),
    ("choices that are a word", "{training.num_train_epochs: {choices: 3}}", "choices"),
    ("a range for words", "{training.precision: {low: 0, high: 1}}", "choices"),
    ("fractions for whole numbers", "{training.num_train_epochs: {low: 1, high: 2.5}}", "2.5"),
    ("an unknown type", "{training.weight_decay: {type: flaot, low: 0, high: 1}}", "float"),
    ("an unknown key", "{training.weight_decay: {min: 0, high: 1}}", "did you mean low?"),
    ("an entry that is a list", "{training.weight_decay: [0, 1]}", "weight_decay"),
    ("the space as a list", "[training.weight_decay]", "search_space"),
    (
        "a condition on nothing",
        "{training.weight_decay: {low: 0, high: 1, when: {training.nothing: 1}}}",
        "nothing",
    ),
    (
        "a condition that never holds",
        (
            "{training.num_train_epochs: {choices: [5, 6]}, training.weight_decay: "
            "{low: 0, high: 1, when: {training.num_train_epochs: 7}}}"
        ),
        "never is 7",
    ),
    (
        "conditions in a circle",
        (
            "{training.num_train_epochs: {choices: [5, 6], when: {training.weight_decay: 0}}, "
            "training.weight_decay: {choices: [0, 1], when: {training.num_train_epochs: 5}}}"
        ),
        "circle",
    ),
)

SEARCHES = (
    ("unknown sampler", "sampler: tpee", "tpee", "did you mean tpe?"),
    ("sampler without a name", "sampler: {n_startup_trials: 3}", "sampler", "name"),
    ("another sampler's option", "sampler: {name: random, n_ei_candidates: 3}", "n_ei_candidates"),
    ("group without multivariate", "sampler: {name: tpe, group: true, multivariate: false}",
     "multivariate"),
    ("two variants of CMA-ES", "sampler: {name: cmaes, use_separable_cma: true, with_margin: true}",
     "exclude each other"),
    ("grid over the endless",
     "sampler: grid\n  search_space: {training.weight_decay: {low: 0, high: 1}}", "finite"),
    ("unknown pruner", "pruner: medain", "medain", "did you mean median?"),
    ("pruner as a number", "pruner: 3", "pruner", "3"),
    ("negative warm-up", "pruner: {name: median, n_warmup_steps: -1}", "n_warmup_steps"),
    ("percent above 100", "pruner: {name: percentile, percentile: 101}", "at most 100"),
    ("reduction of one", "pruner: {name: hyperband, reduction_factor: 1}", "reduction_factor"),
    ("max_resource", "pruner: {name: hyperband, max_resource: 9}", "most evaluations"),
    ("first decision after the end",
     ("pruner: {name: hyperband, min_resource: 50}\n"
      "  search_space: {training.num_train_epochs: {choices: [3, 5]}}"), "at most 5"),
    ("patient around patient",
     "pruner: {name: patient, wrapped_pruner: {name: patient}}", "wrapped_pruner"),
)  # fmt: skip

CASES = (
    *FILES,
    *(_file(f"field, {name}", f"{text}\n", *says) for name, text, *says in FIELDS),
    *(
        _file(f"space, {name}", f"optuna:\n  search_space: {text}\n", *says)
        for name, text, *says in SPACES
    ),
    *(_file(f"search, {name}", f"optuna:\n  {text}\n", *says) for name, text, *says in SEARCHES),
)
