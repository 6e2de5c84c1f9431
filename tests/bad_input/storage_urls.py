"""Storage URLs that cannot be used; a password in them is never shown, however they are broken."""

from bad_input.case import KNOWN_FAILURE, WRONG_INPUT, Case, folder, link_to

SECRET = "Zq7xW9v"


def _url(name: str, url: str, *says: str, status: int = WRONG_INPUT) -> Case:
    secret = SECRET if SECRET in url else None
    return Case(f"url: {name}", ("studies", "--storage", url), says, status, secret=secret)


MALFORMED = (
    _url("empty", "", "scheme"),
    _url("blank", "   ", "scheme"),
    _url("a file's name", "hpo.db", "hpo.db", "sqlite:///"),
    _url("a path", "/tmp/hpo.db", "scheme"),
    _url("one slash", "sqlite:/hpo.db", "scheme"),
    _url("two slashes", "sqlite://hpo.db", "sqlite:///hpo.db"),
    _url("no path", "sqlite:///", "memory"),
    _url("nothing at all", "sqlite://", "memory"),
    _url("memory", "sqlite:///:memory:", "memory"),
    _url("shared memory", "sqlite:///file:x?mode=memory", "memory"),
    _url("SQLite's own URI", "sqlite:///file:hpo.db", "plain path"),
    _url("options of SQLite", "sqlite:///hpo.db?timeout=3", "plain path"),
    _url("NUL in the path", "sqlite:///a\0b", "plain path"),
    _url("somebody's home", "sqlite:///~nobodyatall/x.db", "nobodyatall"),
    _url("an asynchronous driver", "sqlite+aiosqlite:///hpo.db", "without a driver"),
    _url("MySQL", f"mysql://u:{SECRET}@h/d", "mysql", "not supported"),
    _url("Redis", f"redis://:{SECRET}@h", "redis", "not supported"),
    _url("a journal file", "journal:///x.log", "not supported"),
    _url("the web", f"https://u:{SECRET}@h/d", "not supported"),
    _url("a typo", f"postgressql://u:{SECRET}@h/d", "not supported"),
    _url("another driver", f"postgresql+psycopg2://u:{SECRET}@h/d", "psycopg 3"),
    _url("asyncpg", f"postgresql+asyncpg://u:{SECRET}@h/d", "psycopg 3"),
    _url("one slash to a server", f"postgresql:/u:{SECRET}@h/d", "scheme"),
    _url("no scheme", f"u:{SECRET}@h/d", "scheme"),
    _url("no slashes", f"postgresql:u:{SECRET}@h/d", "scheme"),
    _url("a port in words", f"postgresql://u:{SECRET}@h:port/d", "read"),
    _url("a port too large", f"postgresql://u:{SECRET}@127.0.0.1:99999/d", "99999"),
    _url("a port of zero", f"postgresql://u:{SECRET}@127.0.0.1:0/d", "0"),
    _url("a negative port", f"postgresql://u:{SECRET}@h:-1/d", "65535"),
    _url("a raw @", f"postgresql://u:{SECRET}@x@h/d", "%40"),
    _url("a raw colon", f"postgresql://u:a:{SECRET}@h@x/d", "%40"),
    _url("a raw blank", f"postgresql://u:a {SECRET}@h/d", "blank"),
    _url("a raw quote", f"postgresql://u:a'{SECRET}@h/d", "quote"),
    _url("a raw newline", f"postgresql://u:a\n{SECRET}@h/d", "blank"),
    _url("NUL in the password", f"postgresql://u:a\0{SECRET}@h/d", "blank"),
    _url("an open bracket", f"postgresql://u:{SECRET}@[::1/d", "storage URL"),
    _url("an unknown option", f"postgresql://u:{SECRET}@127.0.0.1:9/d?nothing=1", "nothing"),
    _url("an option of a wrong kind",
         f"postgresql://u:{SECRET}@127.0.0.1:9/d?connect_timeout=soon", "connect_timeout"),
    _url("an ssl mode", f"postgresql://u:{SECRET}@127.0.0.1:9/d?sslmode=maybe", "sslmode"),
    _url("a password as an option", f"postgresql://127.0.0.1:x/d?password={SECRET}", "storage URL"),
    _url("only a scheme in Korean", "저장소://h/d", "not supported"),
)  # fmt: skip

UNREACHABLE = tuple(
    _url(name, url, *says, status=KNOWN_FAILURE)
    for name, url, *says in (
        ("nobody listens", f"postgresql://u:{SECRET}@127.0.0.1:9/d", "does not answer"),
        ("a raw slash", f"postgresql://u:a/{SECRET}@127.0.0.1:9/d", "does not answer"),
        ("a socket that is not there", f"postgresql://u:{SECRET}@/d?host=/nowhere", "/nowhere"),
        ("no folder", "sqlite:///no/folder/hpo.db", "no/folder does not exist"),
        ("no file", "sqlite:///other.db", "other.db does not exist"),
        ("a path too long", "sqlite:///" + "x" * 300, "too long"),
    )
)

FILES = tuple(
    Case(
        f"url: {name}", ("studies", "--storage", "sqlite:///x.db"), says, KNOWN_FAILURE,
        {"x.db": content},
    )
    for name, content, *says in (
        ("a folder", folder, "x.db is a folder"),
        ("a text file", "hello " * 1000, "not a SQLite database"),
        ("a link to itself", link_to("x.db"), "x.db"),
        ("an empty file", "", "hpo create"),
        ("a damaged file", b"SQLite format 3\0" + b"\xff" * 5000, "x.db"),
        ("a device", link_to("/dev/null"), "x.db"),
    )
)  # fmt: skip

FROM_THE_ENVIRONMENT = (
    Case("url: HPO_STORAGE", ("studies",), ("mysql",), environ={
        "HPO_STORAGE": f"mysql://u:{SECRET}@h/d"}, secret=SECRET),
    Case("url: HPO_STORAGE without a scheme", ("status",), ("scheme",), environ={
        "HPO_STORAGE": "hpo.db"}),
    Case("url: PGPASSWORD and nobody listens", ("studies", "--storage",
         "postgresql://u@127.0.0.1:9/d"), ("does not answer",), KNOWN_FAILURE,
         environ={"PGPASSWORD": SECRET}, secret=SECRET),
)  # fmt: skip

CASES = (*MALFORMED, *UNREACHABLE, *FILES, *FROM_THE_ENVIRONMENT)
