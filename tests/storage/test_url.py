import os
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import BadURL, StorageError
from storage.url import StorageURL, mask

SECRET = "hunter22"


def test_relative_sqlite_path_is_shown_as_written_and_used_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = StorageURL.parse("sqlite:///hpo.db")
    assert (str(url), url.path, url.is_sqlite) == ("sqlite:///hpo.db", tmp_path / "hpo.db", True)
    assert sa.make_url(url.sqlalchemy).database == str(tmp_path / "hpo.db")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:////data/hpo.db", "/data/hpo.db"),
        ("sqlite+pysqlite:////data/hpo.db", "/data/hpo.db"),
        ("sqlite:////data/한글 db.sqlite", "/data/한글 db.sqlite"),
        ("sqlite:////data/a%20b.db", "/data/a b.db"),
        ("sqlite:////data/100%.db", "/data/100%.db"),
    ],
)
def test_sqlite_paths_arrive_as_people_mean_them(text, path):
    url = StorageURL.parse(text)
    assert url.path == Path(path)
    assert sa.make_url(url.sqlalchemy).database == path


def test_folder_that_was_named_in_another_encoding_is_refused():
    """Python reads such bytes as surrogates."""
    path = os.fsdecode("/data/연구".encode("euc_kr"))
    with pytest.raises(BadURL, match="no text in UTF-8"):
        StorageURL.parse(f"sqlite:///{path}/hpo.db")


@pytest.mark.parametrize("text", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_database_in_memory_is_refused_because_workers_share_it(text):
    with pytest.raises(BadURL, match="workers cannot share"):
        StorageURL.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgres://u:p@h:5432/d",
        "postgresql://u:p@h:5432/d",
        "postgresql+psycopg://u:p@h:5432/d",
        "  PostgreSQL://u:p@h:5432/d\n",
    ],
)
def test_every_spelling_of_postgresql_uses_psycopg_3(text):
    assert StorageURL.parse(text).sqlalchemy == "postgresql+psycopg://u:p@h:5432/d"


def test_socket_folder_and_libpqs_own_defaults_are_kept():
    url = StorageURL.parse("postgresql:///d?host=/run/pg&options=-csearch_path%3Da")
    assert sa.make_url(url.sqlalchemy).query["host"] == "/run/pg"
    assert (url.options, url.user, url.database) == ("-csearch_path=a", None, "d")
    assert StorageURL.parse("postgresql://").database is None


def test_hosts_that_share_a_port_are_hosts_and_a_slash_in_a_password_is_none():
    url = StorageURL.parse("postgresql://u:1%2F2@a,b:5433/d?target_session_attrs=read-write")
    reached = sa.make_url(url.sqlalchemy)
    assert (reached.host, reached.port, reached.password) == ("a,b", 5433, "1/2")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("hpo.db", "has no scheme: write sqlite:///hpo.db"),
        ("", "has no scheme"),
        ("sqlite://hpo.db", "write sqlite:///hpo.db"),
        ("sqlite:///hpo.db?timeout=3", "a plain path"),
        ("sqlite:///file:hpo.db", "a plain path"),
        ("sqlite:///~no-such-user-here/x.db", "home directory"),
        ("sqlite+aiosqlite:///hpo.db", "without a driver"),
        ("postgresql+psycopg2://h/d", "psycopg 3 only; write postgresql://"),
        ("mysql://h/d", "mysql is not supported"),
        ("redis://h", "redis is not supported; write sqlite:///hpo.db or postgresql://USER@HOST"),
        ("postgresql://h:port/d", "cannot be read"),
        ("postgresql://u:a b@h/d", "percent-encode"),
        ("postgresql://u:p@a:5432,b:5433/d", "?host=A,B&port=5432,5433"),
        ("postgresql://a:5432,[::1]/d", "?host=A,B&port=5432,5433"),
        ("postgresql://u:p@%2Frun%2Fpg/d", "?host=/run/postgresql"),
        ("postgresql://u:a@b@h/d", "write every other @ as %40"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_write(text, advice):
    with pytest.raises(BadURL) as caught:
        StorageURL.parse(text)
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://u:{SECRET}@h/d",
        f"postgresql://u:{SECRET}@h/d?sslpassword={SECRET}",
        f"postgresql://h/d?password={SECRET}&user=u",
        f"postgresql://u:a@{SECRET}@h/d",
        f"postgresql://u:{SECRET}/x@h/d",
        f"postgresql://u:{SECRET} x@h/d",
        f"postgresql://u:{SECRET}@h:port/d",
        f"postgresql://u:{SECRET}",
        f"postgres:u:{SECRET}@h/d",
        f"mysql://u:{SECRET}@h/d",
        f"postgresql+asyncpg://u:'{SECRET}'@h/d",
    ],
)
def test_no_form_of_url_shows_its_password(text):
    try:
        shown = str(StorageURL.parse(text)) + repr(StorageURL.parse(text))
    except StorageError as error:
        shown = f"{error}{error.__cause__}"
    assert SECRET not in shown
    assert "***" in shown


# What URLs, shells, regular expressions or libpq give a meaning to; no letters, which could make
# up the name of a further parameter (&sslmode=) by chance.
AWKWARD = st.text(alphabet="1 :/@?#&%='\"\\[]{},;+~*$()|\t\n한", max_size=6)
PLAIN = st.text(alphabet="1:/?#&%=[]{},;+~*$()|한", max_size=6)
ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
NAME = st.text(alphabet="abz19_-.한", min_size=1)


def everything_shown(text):
    """Whatever a person or a log could ever see of a URL, accepted or refused."""
    try:
        url = StorageURL.parse(text)
    except StorageError as error:
        return f"{error} {error!r} {error.__cause__} {error.__context__}"
    return f"{url} {url!r} {url.masked} {url.path} {url.user} {url.database} {url.options}"


@given(password=ANY_TEXT)
def test_percent_encoded_password_arrives_whole_and_is_hidden(password):
    encoded = quote(password, safe="")
    url = StorageURL.parse(f"postgresql://u:{encoded}@h/d")
    assert sa.make_url(url.sqlalchemy).password == password
    assert str(url) == "postgresql://u:***@h/d"


@given(
    form=st.sampled_from(
        [
            "postgresql://u:{}@h/d",
            "postgresql://:{}@h/d",
            "postgres://u:{}@h:5432/d?sslmode=require",
            "postgresql+psycopg://u:{}@[::1]:5432/d",
            "postgresql://u:{}@/d?host=/run/pg",
            "postgresql://u:{}@h1:1,h2:2/d",
            "PostgreSQL://u:{}@h",
            "postgresql://h/d?user=u&password={}",
            "postgresql://h/d?sslpassword={}&sslmode=require",
            "postgresql+asyncpg://u:{}@h/d",
            "mysql://u:{}@h/d",
        ]
    ),
    before=AWKWARD,
    after=AWKWARD,
)
@settings(max_examples=300, deadline=None)
def test_raw_password_is_never_shown_wherever_it_stands(form, before, after):
    """Not percent-encoded, as people paste them: most of these are no URL at all."""
    assert SECRET not in everything_shown(form.format(f"{before}{SECRET}{after}"))


@given(before=AWKWARD.filter(lambda text: not text[:1].isdigit()), after=AWKWARD)
def test_password_of_a_url_without_a_host_is_not_shown_either(before, after):
    """Unless it begins like a port; without an @ nobody can tell the two apart."""
    before, after = before.replace("@", ""), after.replace("@", "")
    assert SECRET not in everything_shown(f"postgresql://u:{before}{SECRET}{after}")


@given(
    login=st.tuples(ANY_TEXT, ANY_TEXT),
    host=st.sampled_from(["h", "h:5432", "127.0.0.1", "[::1]:5432", "db.example.org", ""]),
    database=NAME,
    query=st.dictionaries(st.sampled_from(["sslmode", "options", "host2"]), NAME),
)
@settings(deadline=None)
def test_every_part_of_a_url_reaches_sqlalchemy_as_it_was_meant(login, host, database, query):
    user, password = login
    quoted = ":".join(quote(word, safe="") for word in login)
    path = f"{quote(database)}?{urlencode(query)}".rstrip("?")
    url = StorageURL.parse(f"postgresql://{quoted}@{host}/{path}")
    assert (url.user, url.database, url.is_sqlite, url.path) == (user, database, False, None)
    assert url.options == query.get("options", "")
    assert url.asks_for("sslmode") == ("sslmode" in query)
    reached = sa.make_url(url.sqlalchemy)
    assert (reached.username, reached.password, reached.database) == (user, password, database)
    assert (reached.query, reached.drivername) == (query, "postgresql+psycopg")
    assert f"{reached.host or ''}:{reached.port or ''}".rstrip(":") == host.strip("[").replace(
        "]", ""
    )


@given(names=st.lists(NAME.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=3))
def test_sqlite_file_is_found_again_by_what_is_shown(names):
    path = Path("/").joinpath(*names)
    url = StorageURL.parse(f"sqlite:///{path}")
    assert url.path == path
    assert StorageURL.parse(str(url)) == url
    assert sa.make_url(StorageURL.parse(url.sqlalchemy).sqlalchemy).database == str(path)


@given(password=ANY_TEXT.map(str.strip).filter(lambda text: len(text) > 3))
def test_drivers_own_words_are_scrubbed_of_the_password(password):
    url = StorageURL.parse(f"postgresql://u:{quote(password, safe='')}@h/d")
    assert url.scrub(f"could not use <{password}> here") == "could not use <***> here"


@given(st.text())
def test_any_text_at_all_is_a_url_or_a_plain_refusal(text):
    said = ""
    try:
        StorageURL.parse(text)
    except BadURL as error:
        said = str(error)
    assert len(said.splitlines()) <= 1


@given(before=PLAIN, after=PLAIN)
@settings(deadline=None)
def test_mask_hides_a_raw_password_anywhere_in_a_text(before, after):
    text = f"cannot reach postgresql://u:{before}{SECRET}{after}@h/d: refused"
    assert mask(text) == "cannot reach postgresql://u:***@h/d: refused"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("host=h password=hunter22 port=1", "host=h password=*** port=1"),
        ("password = 'hun ter' port=1", "password = *** port=1"),
        (r"password='it\'s hunter22' port=1", "password=*** port=1"),
        ("?password=a&b&sslmode=require", "?password=***&sslmode=require"),
        ("SSLPassword=hunter22", "SSLPassword=***"),
        ("postgresql://u:a@h/d and postgresql://v:b@h/d", "postgresql://u:***@h/d and postgresql://v:***@h/d"),
        ("('postgresql://u:a@h/d')", "('postgresql://u:***@h/d')"),
        ("postgresql://u://a@h/d", "postgresql://u:***@h/d"),
    ],
)  # fmt: skip
def test_mask_knows_every_way_a_password_is_written(text, masked):
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "at 12:30, see http://h:80/x",
        "postgresql://h:5432/d",
        "postgresql://h:5432?sslmode=require",
        "postgresql://h1:1,h2:2/d",
        "postgresql://u@h:5432/d",
        "postgresql://[::1]:5432/d",
        "sqlite:////data/a:b.db",
        "the password was not right",
        "trial 3: value 0.5",
    ],
)
def test_mask_leaves_what_holds_no_password(text):
    assert mask(text) == text


def test_mask_of_a_long_text_takes_no_time_to_speak_of():
    before = time.process_time()
    for piece in ("a", ":", "a:", "a://", "password=", "@", "&a="):
        mask(piece * 2_000)
    assert time.process_time() - before < 2


def test_mask_hides_passwords_inside_longer_texts():
    text = f"cannot reach postgresql://u:{SECRET}@h/d or host=h password={SECRET} port=1"
    assert mask(text) == "cannot reach postgresql://u:***@h/d or host=h password=*** port=1"
    assert mask("at 12:30, see http://h:80/x") == "at 12:30, see http://h:80/x"


def test_scrub_hides_the_bare_password_but_not_words_around_it():
    url = StorageURL.parse("postgresql://u:on@h/d")
    assert url.scrub("connection with on failed") == "connection with *** failed"
