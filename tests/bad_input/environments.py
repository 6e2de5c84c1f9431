"""Environment variables that say what cannot be."""

from bad_input.case import KNOWN_FAILURE, Case

CREATE = ("create", "-s", "s", "-c", "demo")
WORKER = ("worker", "-s", "demo")

VARIABLES = (
    ("HPO__TRAINING__LEARNING_RATE", "fast", "HPO__TRAINING__LEARNING_RATE", "fast"),
    ("HPO__TRAINING__LEARNING_RATE", "", "HPO__TRAINING__LEARNING_RATE"),
    ("HPO__TRAINING__LEARNING_RATE", "nan", "HPO__TRAINING__LEARNING_RATE"),
    ("HPO__TRAINING__LR", "1", "HPO__TRAINING__LR", "learning_rate"),
    ("HPO__TRAINING", "1", "HPO__TRAINING"),
    ("HPO__TRAINING__", "1", "HPO__TRAINING__", "HPO__SECTION__FIELD"),
    ("HPO__", "1", "HPO__", "HPO__SECTION__FIELD"),
    ("HPO____X", "1", "HPO____X"),
    ("HPO__OPTUNA__N_TRIALS", "[3", "HPO__OPTUNA__N_TRIALS"),
    ("HPO__OPTUNA__SEARCH_SPACE", "3", "search_space"),
    ("HPO__OPTUNA__PRUNER", "medain", "median"),
    ("HPO__GENERAL__SEED", "４２x", "HPO__GENERAL__SEED"),
    ("HPO__한국__어", "1", "한국"),
)
WEBHOOKS = (
    "hooks.slack.com/x",
    "ftp://h/x",
    "https://",
    "http://h:0/x",
    "http://h:x/x",
    "http://한/x",
)
LEASES = ("", "soon", "0", "-5", "nan", "inf", "0.5", "1e999", "1m")

CASES = (
    *(
        Case(f"environ: {variable}={value}", CREATE, tuple(says), environ={variable: value})
        for variable, value, *says in VARIABLES
    ),
    *(
        Case(f"environ: lease {value}", WORKER, ("HPO_LEASE_S",), environ={"HPO_LEASE_S": value})
        for value in LEASES
    ),
    *(
        Case(f"environ: webhook {value}", WORKER, ("HPO_WEBHOOK",), environ={"HPO_WEBHOOK": value})
        for value in WEBHOOKS
    ),
    *(
        Case(f"environ: {name}", ("dashboard",), tuple(says), environ=environ, files={"empty": ""})
        for name, environ, *says in (
            ("a short password", {"HPO_DASHBOARD_PASSWORD": "Zq7x"}, "shorter than 12"),
            ("no password file", {"HPO_DASHBOARD_PASSWORD_FILE": "none"}, "none"),
            ("an empty password file", {"HPO_DASHBOARD_PASSWORD_FILE": "empty"}, "empty"),
            (
                "two passwords",
                {"HPO_DASHBOARD_PASSWORD": "x" * 12, "HPO_DASHBOARD_PASSWORD_FILE": "empty"},
                "both",
            ),
            (
                "a user with a colon",
                {"HPO_DASHBOARD_PASSWORD": "x" * 12, "HPO_DASHBOARD_USER": "a:b"},
                "colon",
            ),
        )
    ),
    Case("environ: HPO_DATA", CREATE, ("nowhere",), KNOWN_FAILURE, environ={"HPO_DATA": "nowhere"}),
    Case("environ: HPO_FOLDER", ("up",), ("f",), environ={"HPO_FOLDER": "f"}, files={"f": "x"}),
    *(
        Case(f"environ: WANDB_BASE_URL={value}", WORKER, ("WANDB_BASE_URL is no server",),
             environ={"WANDB_BASE_URL": value})
        for value in (" ", "wandb.local", "ftp://h", "http://", "http://u:p@h:port", "http://[::1")
    ),
    Case(
        "environ: WANDB_MODE", WORKER, ("WANDB_MODE", "on-line", "offline"),
        environ={"WANDB_MODE": "on-line"},
    ),
)  # fmt: skip
