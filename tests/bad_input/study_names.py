"""Names that no study can have, and names that it can, strange as they look."""

from bad_input.case import KNOWN_FAILURE, Case

BAD = (
    ("empty", "", "empty"),
    ("a blank", " ", "empty"),
    ("a wide blank", "\u3000", "empty"),
    ("a tab", "a\tb", "printed"),
    ("a newline", "a\nb", "printed"),
    ("a carriage return", "a\rb", "printed"),
    ("NUL", "a\0b", "printed"),
    ("an escape sequence", "a\x1b[31mb", "printed"),
    ("bell", "a\x07", "printed"),
    ("right-to-left mark", "a\u202eb", "printed"),
    ("a joiner of no width", "a\u200bb", "printed"),
    ("a byte order mark", "\ufeffa", "printed"),
    ("half a character", "a\ud800", "printed"),
    ("a line separator", "a\u2028b", "printed"),
    ("a letter of nobody", "a\ue000", "printed"),
    ("513 characters", "x" * 513, "513", "512"),
    ("513 Korean characters", "가" * 513, "513", "512"),
    ("100,000 characters", "y" * 100_000, "100000", "512"),
)

GOOD = (
    "한국어 요약",
    "a study",
    "it's",
    'say "hi"',
    "../../etc/passwd",
    "..",
    "/",
    "a/b\\c",
    "-rf",
    "--help",
    ".hidden",
    "😀🎉",
    "'; DROP TABLE studies; --",
    "$(touch pwned) `id` | cat & ;",
    "%s %d {x} {0}",
    "[bold red]x[/]",
    "[/]",
    "NULL",
    "50%",
    "가" * 512,
    "e\u0301",
    "a  b",
)

CASES = (
    *(
        Case(f"name: {name}", ("create", f"--study={text}", "-c", "demo"), tuple(says))
        for name, text, *says in BAD
    ),
    *(
        Case(
            f"name: {command} of a study that is not there",
            (command, "--study=없음", *more), ("없음", *says), KNOWN_FAILURE,
            {"hpo.db": ""},
        )
        for command, more, *says in (
            ("status", ()), ("best", ()), ("delete", ("--yes",)),
        )
    ),
)  # fmt: skip
