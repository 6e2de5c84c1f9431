"""A database writer does not choose where a worker writes."""

from pathlib import Path

import pytest

from hpo.errors import WrongInput
from hpo.places import checkpoint_root, output_folder

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


@pytest.mark.parametrize("pinned", ["s3://bucket/hpo", "/mnt/shared", "../out", "file:///etc"])
def test_a_checkpoint_root_anywhere_else_is_refused_alike(pinned):
    with pytest.raises(WrongInput, match="--checkpoints"):
        checkpoint_root(pinned, None, here=HERE)
    assert checkpoint_root(pinned, "s3://ours", here=HERE) == "s3://ours"


def test_a_checkpoint_root_within_the_folder_or_none_is_the_studys():
    assert checkpoint_root("states", None, here=HERE) == "states"
    assert checkpoint_root(None, None, here=HERE) is None
