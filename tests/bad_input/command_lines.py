"""Command lines that are wrong by themselves, for every command and every option."""

from bad_input.case import KNOWN_FAILURE, Case, fifo, folder, link_to

TRAIN_DEMO = ("train", "-c", "demo")
PREDICT = ("predict", "--model", "m", "--data", "d.csv", "--out", "o.csv")
DATA = "fname,dialogue\na,#Person1#: 안녕\n"

# What is typed, then what must be said.
TYPED = (
    (("wroker",), "did you mean worker?"),
    (("--study", "s"), "--study"),
    (("-x",), "-x"),
    (("학습",), "학습"),
    (("config", "shwo"), "did you mean show?"),
    (("config", "show", "kobrat"), "did you mean kobart?"),
    (("config", "show", "a", "b"), "unexpected extra argument"),
    (("config", "check"), "PRESET|FILE"),
    (("config", "check", "missing.yaml"), "missing.yaml"),
    (("config", "check", ""), "is empty"),
    (("create",), "--study"),
    (("create", "-s"), "-s"),
    (("create", "-s", "s", "-c"), "-c"),
    (("create", "-s", "s", "more"), "more"),
    (("create", "--studdy", "s"), "--study"),
    (("create", "-s", "s", "-c", "demo", "-o"), "-o"),
    (("create", "-s", "s", "-c", "demo", "-o", ""), "section.field=value"),
    (("create", "-s", "s", "-c", "demo", "-o", "="), "section.field=value"),
    (("create", "-s", "s", "-c", "demo", "-o", "=3"), "section.field=value"),
    (("create", "-s", "s", "-c", "demo", "-o", "training"), "section.field=value"),
    (("create", "-s", "s", "-c", "demo", "-o", "training..x=3"), "section.field=value"),
    (("create", "-s", "s", "-c", "demo", "-o", "training=3"), "training"),
    (("create", "-s", "s", "-c", "demo", "-o", "training.x=3"), "training.x"),
    (("create", "-s", "s", "-c", "demo", "-o", "training.learning_rate.x=3"), "learning_rate"),
    (("create", "-s", "s", "-c", "demo", "-o", "training.learning_rate=[1"), "line 1"),
    (("create", "-s", "s", "-c", "demo", "-o", "training.learning_rate="), "learning_rate"),
    (("create", "-s", "s", "-c", "demo", "-o", "training.learning_rate=１e-4x"), "learning_rate"),
    (("create", "-s", "s", "-c", "demo", "-o", "training.num_train_epochs=1,000"), "1,000"),
    (("create", "-s", "s", "-c", "demo", "-o", "optuna.n_trials=1e99"), "n_trials"),
    (("create", "-s", "s", "-c", "demo", "-o", "optuna.n_trials=many"), "many"),
    (("create", "-s", "s", "-c", "demo", "-o", "general.seed=-0.5"), "seed"),
    (("create", "-s", "s", "-c", "demo", "-o", "a.b\0=3"), "unknown key a"),
    (("worker", "--max-trials", "0"), "--max-trials"),
    (("worker", "--max-trials", "-1"), "--max-trials"),
    (("worker", "--max-trials", "ten"), "ten"),
    (("worker", "--max-trials", "1.5"), "1.5"),
    (("worker", "--max-trials", ""), "--max-trials"),
    (("worker", "--threads", "0"), "--threads"),
    (("worker", "--threads", "all"), "all"),
    (("worker", "-s", "demo", "--gpus", ""), "--gpus"),
    (("worker", "-s", "demo", "--gpus", "first"), "first"),
    (("worker", "-s", "demo", "--gpus", "-1"), "-1"),
    (("worker", "-s", "demo", "--gpus", "0,,1"), "0,,1"),
    (("worker", "-s", "demo", "--gpus", "0;1"), "0;1"),
    (("worker", "-s", "demo", "--gpus", "٠"), "٠"),
    (("worker", "-s", "demo", "--gpus", "0,0"), "twice"),
    (("worker", "-s", "demo", "--wait=yes"), "--wait"),
    (("worker", "-s", "a b", "-c", "demo", "-o", "x"), "-o x"),
    (("status", "--watch", "--json"), "--watch"),
    (("status", "s"), "s"),
    (("status", "--storage"), "--storage"),
    (("best", "--export"), "--export"),
    (("best", "--export", "d"), "directory"),
    (("best", "--jsn"), "--json"),
    ((*TRAIN_DEMO, "--seed", "-1"), "--seed"),
    ((*TRAIN_DEMO, "--seed", "x"), "--seed"),
    ((*TRAIN_DEMO, "--seed", "4294967296"), "general.seed"),
    ((*TRAIN_DEMO, "--output", "f"), "file"),
    ((*TRAIN_DEMO, "--overwrite=1"), "--overwrite"),
    (("train", "-c", "missing.yaml"), "missing.yaml"),
    (("predict",), "--model"),
    (("predict", "--model", "m"), "--data"),
    (("predict", "--model", "m", "--data", "d.csv"), "--out"),
    (("predict", "--model", "f", "--data", "d.csv", "--out", "o.csv"), "file"),
    ((*PREDICT[:3], "--data", "d", "--out", "o.csv"), "directory"),
    ((*PREDICT[:5], "--out", "d"), "directory"),
    ((*PREDICT, "--batch-size", "0"), "--batch-size"),
    ((*PREDICT, "--batch-size", "9e9"), "9e9"),
    ((*PREDICT, "--num-beams", "-2"), "--num-beams"),
    (("dashboard", "--port", "0"), "--port"),
    (("dashboard", "--port", "65536"), "65536"),
    (("dashboard", "--port", "http"), "http"),
    (("dashboard", "--host", ""), "--host"),
    (("dashboard", "--host", "0.0.0.0"), "HPO_DASHBOARD_PASSWORD"),
    (("dashboard", "--allow-wirte"), "--allow-write"),
    (("dashboard", "--allow-write=yes"), "--allow-write"),
    (("worker", "-s", "demo", "--checkpoints", ""), "--checkpoints"),
    (("worker", "-s", "demo", "--output", " "), "--output"),
    (("retry",), "--trial"),
    (("retry", "--trial"), "--trial"),
    (("retry", "--trial", "-1"), "--trial"),
    (("retry", "--trial", "1,2"), "1,2"),
    (("retry", "--trial", "１a"), "--trial"),
    (("retry", "3"), "--trial"),
    (("reap", "--older-than", "-1"), "--older-than"),
    (("reap", "--older-than", "1h"), "1h"),
    (("reap", "--older-than", "nan"), "nan"),
    (("reap", "--older-than", "inf"), "inf"),
    (("reap", "s"), "s"),
    (("mirror", "--trial", "all"), "all"),
    (("mirror", "--output", ""), "--output"),
    (("mirror", "--running=yes"), "--running"),
    (("delete",), "--study"),
    (("delete", "s"), "s"),
    (("studies", "s"), "s"),
    (("up", "--port", "0"), "--port"),
    (("up", "--folder", "f"), "file"),
    (("down", "--folder", "f"), "file"),
    (("down", "--port", "3"), "--port"),
)

FOUND = (
    (("status",), "hpo create"),
    (("best",), "hpo create"),
    (("delete", "-s", "s", "--yes"), "hpo create"),
    (("retry", "--trial", "0"), "hpo create"),
    (("reap",), "hpo create"),
    (("mirror",), "hpo create"),
    (("studies",), "hpo create"),
    (("create", "-s", "mine"), "--config"),
    (("worker", "-s", "mine"), "--config"),
    (("worker", "-s", "demo", "--gpus", "99999"), "--gpus 99999"),
    (("create", "-s", "s", "-c", "demo", "--data", "nowhere"), "nowhere"),
    ((*TRAIN_DEMO, "--data", "nowhere", "--output", "o"), "nowhere"),
    ((*TRAIN_DEMO, "-o", "model.name=./nowhere", "--output", "o"), "nowhere"),
    ((*TRAIN_DEMO, "--output", "/sys/model"), "/sys/model"),
    ((*TRAIN_DEMO, "--output", "f/model"), "f/model"),
    ((*TRAIN_DEMO, "--output", "loop/model"), "loop/model"),
    ((*TRAIN_DEMO, "--output", "x" * 300), "xxx"),
    ((*TRAIN_DEMO, "-o", "model.name=kobart base/v2", "--output", "o"), "kobart base"),
    (PREDICT, "m holds no model"),
    (("predict", "--model", "d", "--data", "d.csv", "--out", "o.csv"), "d holds no model"),
    ((*PREDICT[:5], "--out", "nowhere/o.csv"), "nowhere"),
    ((*PREDICT[:5], "--out", "f/o.csv"), "f"),
    (("up", "--folder", "f/here"), "f/here"),
    (("up", "--folder", "d/" + "x" * 200), "too long"),
    (("up", "--folder", "d/a b"), "blank"),
)

AROUND = {"d": folder, "f": "a file\n", "d.csv": DATA, "p": fifo, "loop": link_to("loop")}


def _shown(words: tuple[str, ...]) -> str:
    return " ".join(word[:40] for word in words) or "nothing"


CASES = (
    *(Case(f"typed: {_shown(words)}", words, tuple(says), files=AROUND) for words, *says in TYPED),
    *(
        Case(f"found: {_shown(words)}", words, tuple(says), KNOWN_FAILURE, AROUND)
        for words, *says in FOUND
    ),
)

# What a study `here` with one completed trial makes wrong.
IN_A_STUDY = (
    (("create", "-s", "here", "-c", "demo"), "pinned"),
    (("create", "-s", "here", "-o", "training.weight_decay=0.5"), "weight_decay"),
    (("create", "-s", "here", "-c", "baseline", "-o", "optuna.n_trials=1"), "here"),
    (("create", "-s", "here", "-c", "baseline", "--data", "nowhere"), "nowhere"),
    (("retry", "-s", "here", "--trial", "0"), "0"),
    (("retry", "-s", "here", "--trial", "7"), "7"),
    (("retry", "-s", "here", "--trial", "0", "--trial", "7"), "0"),
    (("retry", "-s", "없음", "--trial", "0"), "없음"),
    (("mirror", "-s", "here", "--trial", "7"), "7"),
    (("mirror", "-s", "없음"), "없음"),
    (("reap", "-s", "없음"), "없음"),
    (("best", "-s", "here", "--export", "nowhere/e.yaml"), "nowhere"),
    (("best", "-s", "here", "--export", "/sys/e.yaml"), "/sys/e.yaml"),
    (("best", "-s", "here", "--export", "f/e.yaml"), "f/e.yaml"),
    (("best", "-s", "here", "--export", "x" * 300), "too long"),
)

CASES = (
    *CASES,
    *(
        Case(f"study: {_shown(words)}", words, tuple(says), KNOWN_FAILURE, {**AROUND, "hpo.db": ""})
        for words, *says in IN_A_STUDY
    ),
)
