"""Data files that cannot be used: each is found before a study is made or anything is trained."""

from bad_input.case import KNOWN_FAILURE, Case, Content, fifo, folder, link_to

CREATE = ("create", "-s", "s", "-c", "demo", "--data", "d")
GOOD = "fname,dialogue,summary\na,#Person1#: 안녕,인사한다\nb,#Person2#: 잘 가,헤어진다\n"


def _data(name: str, train: Content, *says: str, suffix: str = "csv") -> Case:
    files = {f"d/train.{suffix}": train, "d/dev.csv": GOOD}
    return Case(f"{suffix}: {name}", CREATE, says, KNOWN_FAILURE, files)


CSV = (
    _data("empty", "", "train.csv", "empty", "fname, dialogue, summary"),
    _data("blank", "\n \n", "empty"),
    _data("only a BOM", "\ufeff", "empty"),
    _data("only the header", "fname,dialogue,summary\n", "no rows"),
    _data("no header", "a,안녕,인사한다\n", "row 1", "no column fname"),
    _data("no summary", "fname,dialogue\na,x\n", "summary"),
    _data("a column misspelt", "fname,dialouge,summary\na,x,y\n", "rename dialouge"),
    _data("a column twice", "fname,dialogue,summary,summary\na,x,y,z\n", "two columns"),
    _data("columns in capitals", "FNAME,DIALOGUE,SUMMARY\na,x,y\n", "fname"),
    _data("CP949", GOOD.encode("cp949"), "CP949", "UTF-8", "row 2"),
    _data("UTF-16", GOOD.encode("utf-16"), "UTF-16", "UTF-8"),
    _data("UTF-16 without a mark", GOOD.encode("utf-16-le"), "train.csv", "UTF-8"),
    _data("UTF-32", GOOD.encode("utf-32"), "train.csv", "UTF-8"),
    _data("latin-1", "fname,dialogue,summary\na,café,y\n".encode("latin-1"), "UTF-8", "row 2"),
    _data("NUL", "fname,dialogue,summary\na,x\0x,y\n", "row 2", "NUL"),
    _data("a zip of Excel", b"PK\x03\x04\x14\x00\x06\x00\x08\x00" + bytes(range(256)), "UTF-8"),
    _data("gzip", b"\x1f\x8b\x08\x00" + bytes(20), "train.csv", "UTF-8"),
    _data("Excel's semicolons", GOOD.replace(",", ";"), "';'", "commas"),
    _data("tabs", GOOD.replace(",", "\t"), "'\\t'", "commas"),
    _data("a row too short", "fname,dialogue,summary\na,x\n", "row 2", "2 cells"),
    _data("a row too long", "fname,dialogue,summary\na,x,y,z\n", "row 2", "4 cells"),
    _data("an open quote", 'fname,dialogue,summary\na,"x,y\n', "row 2", "quotation"),
    _data("text after a quote", 'fname,dialogue,summary\na,"x"x,y\n', "row 2", "quotation"),
    _data("an enormous cell", "fname,dialogue,summary\na," + "x" * 200_000 + ",y\n", "row 2"),
    _data("an empty dialogue", "fname,dialogue,summary\na,,y\n", "row 2, column dialogue"),
    _data("a blank summary", "fname,dialogue,summary\na,x,  \n", "row 2, column summary"),
    _data("an empty name", "fname,dialogue,summary\n,x,y\n", "row 2, column fname"),
    _data("a name twice", "fname,dialogue,summary\na,x,y\na,z,w\n", "'a'", "row 2", "row 3"),
    _data("CRLF and a short row", "fname,dialogue,summary\r\na,x\r\n", "row 2"),
    _data("BOM and a short row", "\ufefffname,dialogue,summary\na,x\n", "row 2"),
    _data("a blank row between", "fname,dialogue,summary\n\na,x\n", "row 3"),
    _data("a folder", folder, "train.csv"),
    _data("a pipe", fifo, "train.csv"),
    _data("a link to itself", link_to("train.csv"), "train.csv"),
    _data("endless zeros", link_to("/dev/zero"), "train.csv"),
)

JSONL = tuple(
    _data(name, text, *says, suffix="jsonl")
    for name, text, *says in (
        ("empty", "", "empty"),
        ("a list", "[1, 2]\n", "line 1", "object"),
        ("a number", "3\n", "line 1", "object"),
        ("null", "null\n", "line 1", "object"),
        ("not JSON", "{fname: a}\n", "line 1", "JSON"),
        ("cut off", '{"fname": "a", "dialogue": "x', "line 1", "JSON"),
        ("one JSON over many lines", '{\n"fname": "a"\n}\n', "line 1", "each line"),
        ("a JSON list of all", '[\n{"fname": "a"}\n]\n', "line 1", "each line"),
        ("deep nesting", "[" * 100_000 + "\n", "line 1", "JSON"),
        ("a huge number", '{"fname": ' + "9" * 5000 + "}\n", "line 1"),
        ("no summary", '{"fname": "a", "dialogue": "x"}\n', "line 1", "summary"),
        (
            "a name that is a number",
            '{"fname": 1, "dialogue": "x", "summary": "y"}\n',
            "fname",
            "1",
        ),
        ("NaN", '{"fname": "a", "dialogue": NaN, "summary": "y"}\n', "dialogue"),
        ("a list of turns", '{"fname": "a", "dialogue": ["x"], "summary": "y"}\n', "dialogue"),
        ("null dialogue", '{"fname": "a", "dialogue": null, "summary": "y"}\n', "empty"),
        ("half a character", '{"fname": "a", "dialogue": "\\ud800", "summary": "y"}\n', "half"),
        ("NUL", '{"fname": "a", "dialogue": "x\\u0000", "summary": "y"}\n', "dialogue", "NUL"),
        ("CP949", '{"fname": "안녕"}\n'.encode("cp949"), "line 1", "CP949"),
        ("UTF-16", '{"fname": "a"}\n'.encode("utf-16"), "UTF-16"),
        ("the second line", '{"fname": "a", "dialogue": "x", "summary": "y"}\n{}\n', "line 2"),
    )
)

PLACES = (
    Case("data: no folder", CREATE, ("there is no folder d",), KNOWN_FAILURE),
    Case("data: a file", CREATE, ("there is no folder",), KNOWN_FAILURE, {"d": "x"}),
    Case("data: an empty folder", CREATE, ("train.csv",), KNOWN_FAILURE, {"d": folder}),
    Case("data: no dev", CREATE, ("dev.csv",), KNOWN_FAILURE, {"d/train.csv": GOOD}),
    Case(
        "data: both kinds", CREATE, ("train.csv and train.jsonl",), KNOWN_FAILURE,
        {"d/train.csv": GOOD, "d/train.jsonl": "{}", "d/dev.csv": GOOD},
    ),
    Case("data: a link to itself", CREATE, ("d",), KNOWN_FAILURE, {"d": link_to("d")}),
    Case("data: NUL in the name", (*CREATE[:-1], "a\0b"), ("a",), KNOWN_FAILURE),
    Case("data: a name too long", (*CREATE[:-1], "d" * 300), ("too long",), KNOWN_FAILURE),
    Case("data: an empty name", (*CREATE[:-1], ""), ("--data",)),
    Case("data: somebody's home", (*CREATE[:-1], "~no-one/d"), ("~no-one",), KNOWN_FAILURE),
    Case("data: a device", (*CREATE[:-1], "/dev/null"), ("/dev/null",), KNOWN_FAILURE),
    Case("data: unknown sample", (*CREATE[:-1], "sample:nothing"), ("sample:dialogues",)),
    Case(
        "data: a file of another kind",
        (*CREATE[:-2], "-o", "general.data_path={train: t.txt, dev: d.csv}"),
        ("t.txt", ".csv or .jsonl"), KNOWN_FAILURE, {"t.txt": GOOD, "d.csv": GOOD},
    ),
    Case(
        "data: a file that is not there",
        (*CREATE[:-2], "-o", "general.data_path={train: t.csv, dev: d.csv}"),
        ("t.csv", "train"), KNOWN_FAILURE, {"d.csv": GOOD},
    ),
    Case(
        "data: bad dev beside good train", CREATE, ("dev.csv", "row 2"), KNOWN_FAILURE,
        {"d/train.csv": GOOD, "d/dev.csv": "fname,dialogue,summary\na,x\n"},
    ),
)  # fmt: skip

CASES = (*CSV, *JSONL, *PLACES)
