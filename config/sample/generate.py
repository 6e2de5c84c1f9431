"""Writes the sample dialogues: `python -m config.sample.generate --out DIR --seed 7`.

Everything is drawn from one seeded stream, so the same seed gives the same bytes everywhere.
Each split has equally many dialogues of every topic, and no dialogue stands in it twice or in
two splits.
"""

import argparse
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from config.sample.script import Deck, Dialogue, decks_of, perform, pick, read_scene, shuffled
from config.sample.sentences import LINE_BREAKS
from config.sample.topics import TOPICS

SHIPPED_SEED = 7
SHIPPED_FOLDER = Path(__file__).parent / "dialogues"
SPLIT_ROWS = {"train": 240, "dev": 60, "test": 20}


@dataclass(frozen=True)
class Row:
    """A row of the competition's CSV."""

    fname: str
    dialogue: str
    summary: str
    topic: str


def generate(seed: int) -> dict[str, list[Row]]:
    """The rows of train, dev and test."""
    rng = Random(seed)
    seen: set[Dialogue] = set()
    return {split: _split(split, rows, rng, seen) for split, rows in SPLIT_ROWS.items()}


def _split(split: str, rows: int, rng: Random, seen: set[Dialogue]) -> list[Row]:
    # The topics' scenes take turns, so that each is as frequent as the next.
    plan = [
        (topic, topic.scenes[round_ % len(topic.scenes)])
        for round_ in range(rows // len(TOPICS))
        for topic in TOPICS
    ]
    # Decks of its own for each scene: whatever dev asks for, train has shown in that place.
    decks = {script: decks_of(topic, rng) for topic in TOPICS for script in topic.scenes}
    made = []
    for number, (topic, script) in enumerate(shuffled(plan, rng)):
        dialogue = _unseen(script, decks[script], rng, seen)
        text = pick(LINE_BREAKS, rng).join(dialogue.lines)
        made.append(Row(f"{split}_{number}", text, dialogue.summary, topic.name))
    return made


def _unseen(
    script: str, decks: Mapping[str, Deck[str]], rng: Random, seen: set[Dialogue]
) -> Dialogue:
    scene = read_scene(script)
    while (dialogue := perform(scene, decks, rng)) in seen:
        pass
    seen.add(dialogue)
    return dialogue


def to_csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    r"""The rows as CSV text with a header and \n line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([getattr(row, column) for column in columns] for row in rows)
    return text.getvalue()


def write(folder: Path, *, seed: int) -> None:
    """Write train.csv, dev.csv and, without summaries and topics, test.csv into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in generate(seed).items():
        columns = ["fname", "dialogue"] if split == "test" else list(Row.__annotations__)
        # Bytes, because text files get another line end on some systems.
        (folder / f"{split}.csv").write_bytes(to_csv(rows, columns).encode())


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description="Write the sample dialogues as CSV.")
    parser.add_argument("--out", type=Path, default=SHIPPED_FOLDER, help="folder to write into")
    parser.add_argument("--seed", type=int, default=SHIPPED_SEED, help="default: %(default)s")
    arguments = parser.parse_args()
    write(arguments.out, seed=arguments.seed)


if __name__ == "__main__":
    main()
