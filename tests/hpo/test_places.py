"""A database writer does not choose where a worker writes."""

from pathlib import Path

import pytest

from hpo.errors import WrongInput
from hpo.places import output_folder

HERE = Path("/home/op/run")


@pytest.mark.parametrize(
    "pinned",
    ["./outputs", "outputs", "a/b/c", ".", "한국어", "/home/op/run/out", "a..b", "...", "$HOME"]
)  # fmt: skip
def test_the_studys_folder_counts_below_where_the_worker_was_started(pinned):
    assert output_folder(pinned, None, here=HERE) == pinned


@pytest.mark.parametrize(
    "pinned",
    [
        "..",
        "../out",
        "a/../../out",
        "a/..",
        "/",
        "/etc",
        "/home/op/running",
        "/home/op/run/../x",
        "//home/op/run/../x",
        "~",
        "~root/.ssh",
        "a\0b",
        "a\nb",
        "\x1b[2J",
        "/home/op" + "/x" * 5000,
    ],
)
def test_a_folder_anywhere_else_is_refused_with_what_to_say(pinned):
    with pytest.raises(WrongInput, match="--output") as raised:
        output_folder(pinned, None, here=HERE)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("given", ["/mnt/big", "../out", "."])
def test_what_the_operator_says_counts_wherever_it_is(given):
    assert output_folder("/etc", given, here=HERE) == given
