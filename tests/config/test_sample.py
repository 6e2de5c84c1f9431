import csv
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from config.sample import generate, locate, tokenizer
from config.sample.particles import Word, final_sound
from config.sample.script import (
    Deck,
    Dialogue,
    decks_of,
    draw_slots,
    perform,
    pick,
    read_scene,
    shuffled,
    slot_names,
)
from config.sample.sentences import Topic
from config.sample.topics import TOPICS

DIALOGUES = locate("sample:dialogues")
MODEL = locate("sample:model")
MASKED = (
    "#PhoneNumber#",
    "#Address#",
    "#DateOfBirth#",
    "#PassportNumber#",
    "#SSN#",
    "#CardNumber#",
    "#CarNumber#",
    "#Email#",
)
SPEAKERS = tuple(f"#Person{number}#" for number in range(1, 8))
SEVEN_IDS = {"<s>": 0, "</s>": 1, "<usr>": 2, "<pad>": 3, "<sys>": 4, "<unk>": 5, "<mask>": 6}


def rows_of(split: str) -> list[dict[str, str]]:
    with (DIALOGUES / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def turns_of(dialogue: str) -> list[str]:
    return re.split(r"\\n|<br>|\n", dialogue)


def speakers_of(dialogue: str) -> list[str]:
    return [turn.partition(": ")[0] for turn in turns_of(dialogue)]


@pytest.fixture(scope="module")
def train() -> list[dict[str, str]]:
    return rows_of("train")


@pytest.fixture(scope="module")
def everything() -> list[dict[str, str]]:
    return [row for split in ("train", "dev", "test") for row in rows_of(split)]


@pytest.fixture(scope="module")
def bart_tokenizer():
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(MODEL)


def every_line() -> Iterator[tuple[Topic, str, str]]:
    for topic in TOPICS:
        for script in topic.scenes:
            scene = read_scene(script)
            for turn in scene.turns:
                for wording in turn.wordings:
                    yield topic, turn.speaker, wording
            for sentence in scene.summary:
                yield topic, "=", sentence


class TestShippedDialogues:
    def test_are_what_the_generator_writes(self, tmp_path: Path) -> None:
        generate.write(tmp_path, seed=generate.SHIPPED_SEED)
        for split in generate.SPLIT_ROWS:
            name = f"{split}.csv"
            assert (tmp_path / name).read_bytes() == (DIALOGUES / name).read_bytes()

    def test_do_not_depend_on_the_hash_seed(self, tmp_path: Path) -> None:
        """String hashes differ between processes, so an order taken from a set would show."""
        subprocess.run(
            [sys.executable, "-m", "config.sample.generate", "--out", tmp_path, "--seed", "7"],
            env={"PYTHONHASHSEED": "1", "PYTHONUTF8": "0", "LC_ALL": "C"},
            cwd=Path(generate.__file__).parents[2],
            check=True,
        )
        assert (tmp_path / "train.csv").read_bytes() == (DIALOGUES / "train.csv").read_bytes()

    def test_have_the_competitions_columns_and_sizes(self) -> None:
        assert list(rows_of("train")[0]) == ["fname", "dialogue", "summary", "topic"]
        assert list(rows_of("test")[0]) == ["fname", "dialogue"]
        assert [len(rows_of(split)) for split in ("train", "dev", "test")] == [240, 60, 20]

    def test_have_unique_names_in_order(self, everything: list[dict[str, str]]) -> None:
        assert len({row["fname"] for row in everything}) == 320
        assert [row["fname"] for row in rows_of("dev")] == [f"dev_{n}" for n in range(60)]

    def test_have_every_topic_equally_often_in_train_and_dev(self) -> None:
        names = {topic.name for topic in TOPICS}
        assert Counter(row["topic"] for row in rows_of("train")) == dict.fromkeys(names, 24)
        assert Counter(row["topic"] for row in rows_of("dev")) == dict.fromkeys(names, 6)

    def test_occur_once_in_all_splits_together(self, everything: list[dict[str, str]]) -> None:
        """Neither the turns nor turns and summary of a dev dialogue can be learnt by heart."""
        said = [tuple(turns_of(row["dialogue"])) for row in everything]
        assert len(set(said)) == len(said)

    def test_dev_summaries_are_mostly_new(self, train: list[dict[str, str]]) -> None:
        known = {row["summary"] for row in train}
        assert sum(row["summary"] in known for row in rows_of("dev")) <= 3

    def test_have_two_to_four_speakers(self, everything: list[dict[str, str]]) -> None:
        counts = Counter(len(set(speakers_of(row["dialogue"]))) for row in everything)
        assert set(counts) == {2, 3, 4}
        assert min(counts.values()) >= 10

    def test_number_speakers_in_the_order_they_speak(
        self, everything: list[dict[str, str]]
    ) -> None:
        for row in everything:
            order = list(dict.fromkeys(speakers_of(row["dialogue"])))
            assert order == list(SPEAKERS[: len(order)])

    def test_summaries_name_only_who_spoke(self, train: list[dict[str, str]]) -> None:
        for row in train:
            named = set(re.findall(r"#Person\d#", row["summary"]))
            assert named <= set(speakers_of(row["dialogue"]))
            assert named

    def test_have_lengths_like_real_ones(self, everything: list[dict[str, str]]) -> None:
        assert all(6 <= len(turns_of(row["dialogue"])) <= 14 for row in everything)
        lengths = [len(row["dialogue"]) for row in everything]
        assert min(lengths) >= 150
        assert max(lengths) <= 600
        assert 300 <= sum(lengths) / len(lengths) <= 450

    @pytest.mark.parametrize("noise", ["ㅋㅋ", "ㅎㅎ", "ㅠㅠ", "ㅜㅜ", "\\n", "<br>"])
    def test_have_the_noise_of_real_ones(self, train: list[dict[str, str]], noise: str) -> None:
        noisy = sum(noise in row["dialogue"] for row in train)
        assert 10 <= noisy <= 120

    def test_summaries_are_clean(self, train: list[dict[str, str]]) -> None:
        assert not [row for row in train if re.search(r"[ㄱ-ㅣ\\<\n{}]", row["summary"])]

    @pytest.mark.parametrize("token", MASKED)
    def test_have_every_masked_token(self, train: list[dict[str, str]], token: str) -> None:
        assert sum(token in row["dialogue"] for row in train) >= 5

    def test_have_no_mark_of_the_script_left(self, everything: list[dict[str, str]]) -> None:
        for row in everything:
            text = row["dialogue"]
            assert set(re.findall(r"#\w+#", text)) <= {*MASKED, *SPEAKERS}
            assert not re.search(r"[{}]|  ", text)

    def test_stay_small_with_the_model(self) -> None:
        files = [*DIALOGUES.iterdir(), *MODEL.iterdir()]
        assert sum(file.stat().st_size for file in files) < 500_000


class TestGenerator:
    def test_writes_other_dialogues_with_another_seed(self) -> None:
        assert generate.generate(1) != generate.generate(2)

    def test_writes_the_documented_defaults(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr(sys, "argv", ["generate", "--out", str(tmp_path / "new")])
        generate.main()
        assert (tmp_path / "new/dev.csv").read_bytes() == (DIALOGUES / "dev.csv").read_bytes()

    def test_csv_keeps_newlines_and_commas_inside_a_field(self) -> None:
        row = generate.Row("train_0", 'A: 네, "좋아"\nB: 응', "요약", "주제")
        text = generate.to_csv([row], ["fname", "dialogue"])
        assert text == 'fname,dialogue\ntrain_0,"A: 네, ""좋아""\nB: 응"\n'


class TestMaterial:
    def test_speakers_and_slots_are_all_known(self) -> None:
        for topic, speaker, line in every_line():
            slots = draw_slots(decks_of(topic, Random(0)), Random(0))
            marks = {"A", "B", "C", "D", "laugh", "cry"}
            assert slot_names(line) <= {*slots, *marks}, (topic.name, line)
            assert speaker in {"A", "B", "C", "D", "="}

    def test_no_particle_is_written_fast_behind_a_slot(self) -> None:
        """`{item}을` would be wrong for every second word; `{item:을}` never is."""
        fixed = re.compile(r"\{\w+\}(은|는|이|가|을|를|과|와|으로|로|랑|예요|이에요|야|고)[\s.,?!]")
        assert not [line for _, _, line in every_line() if fixed.search(line)]

    def test_every_summary_tells_more_than_its_topic(self) -> None:
        for topic in TOPICS:
            for script in topic.scenes:
                slots = slot_names(" ".join(read_scene(script).summary)) - {"A", "B", "C", "D"}
                assert len(slots) >= 3

    def test_what_a_summary_says_was_said(self) -> None:
        """Whatever is left out or worded otherwise, a model can find the facts in the dialogue."""
        for topic in TOPICS:
            for script in topic.scenes:
                scene = read_scene(script)
                facts = slot_names(" ".join(scene.summary)) - {"A", "B", "C", "D"}
                sure = set()
                for turn in scene.turns:
                    if not turn.optional:
                        sure |= set.intersection(*map(slot_names, turn.wordings))
                assert facts <= sure, (topic.name, facts - sure)


class TestScript:
    SCRIPT = """
        A 안녕, {name:이야}.
        / 나는 {name:이야}.
        B? 반가워{laugh}
        A? 나도.
        B {day}에 보자.
        = {A:은} {B:과} {day}에 만난다.
    """
    TOPIC = Topic(name="인사", slots={}, scenes=(SCRIPT,))

    def test_reads_turns_wordings_and_summary(self) -> None:
        scene = read_scene(self.SCRIPT)
        assert [turn.speaker for turn in scene.turns] == ["A", "B", "A", "B"]
        assert [turn.optional for turn in scene.turns] == [False, True, True, False]
        assert scene.turns[0].wordings == ("안녕, {name:이야}.", "나는 {name:이야}.")
        assert scene.summary == ("{A:은} {B:과} {day}에 만난다.",)

    @pytest.mark.parametrize("line", ["E 안녕", "/ 첫 줄", "안녕"])
    def test_refuses_a_line_without_a_mark(self, line: str) -> None:
        with pytest.raises(ValueError, match=r"starts with A to D, / or =, not"):
            read_scene(line)

    def test_optional_turns_in_a_row_come_and_go_together(self) -> None:
        lengths = {len(self.perform(seed).lines) for seed in range(20)}
        assert lengths == {2, 4}

    def test_neighbouring_turns_of_one_speaker_become_one(self) -> None:
        scene = read_scene("A 안녕.\nA 잘 가.\nB 응.\n= 끝.")
        lines = perform(scene, {}, Random(0)).lines
        assert lines == ("#Person1#: 안녕. 잘 가.", "#Person2#: 응.")

    def test_whoever_speaks_first_is_person_1(self) -> None:
        scene = read_scene("B 어서 오세요.\nA 네.\n= {A:은} {B}에게 왔다.")
        assert perform(scene, {}, Random(0)).summary == "#Person2#는 #Person1#에게 왔다."

    def test_a_slot_has_one_value_in_the_whole_dialogue(self) -> None:
        dialogue = self.perform(3)
        day = re.search(r".요일", dialogue.lines[-1])
        assert day
        assert day.group() in dialogue.summary

    def test_a_second_value_differs_and_parts_stay_together(self) -> None:
        rng = Random(0)
        decks = {"food/taste": Deck(("국수/매운", "빵/단", "귤/신"), rng)}
        for _ in range(20):
            drawn = draw_slots(decks, rng)
            assert set(drawn) == {"food", "taste", "food2", "taste2"}
            assert drawn["food"] != drawn["food2"]
            assert (drawn["food"] == "국수") == (drawn["taste"] == "매운")

    def test_a_deck_deals_every_value_before_any_comes_again(self) -> None:
        deck = Deck("가나다", Random(5))
        hands = [{deck.deal() for _ in range(3)} for _ in range(4)]
        assert hands == [set("가나다")] * 4

    def test_draws_use_nothing_but_random(self) -> None:
        """Of all methods only `random()` is promised to repeat itself in other versions."""

        class OnlyRandom(Random):
            def getrandbits(self, *_: object) -> int:
                raise AssertionError("getrandbits")

        rng = OnlyRandom(1)
        assert sorted(shuffled("가나다라", rng)) == list("가나다라")
        assert {pick("가나다", rng) for _ in range(50)} == set("가나다")

    def perform(self, seed: int) -> Dialogue:
        rng = Random(seed)
        return perform(read_scene(self.SCRIPT), decks_of(self.TOPIC, rng), rng)


class TestParticles:
    @pytest.mark.parametrize(
        ("word", "particle", "written"),
        [
            ("우산", "을", "우산을"),
            ("모자", "을", "모자를"),
            ("부산", "으로", "부산으로"),
            ("서울", "으로", "서울로"),
            ("여수", "으로", "여수로"),
            ("서울", "이", "서울이"),
            ("#Person1#", "은", "#Person1#은"),
            ("#Person2#", "은", "#Person2#는"),
            ("#Person3#", "과", "#Person3#과"),
            ("#Person4#", "이", "#Person4#가"),
            ("오전 11시", "은", "오전 11시는"),
            ("지민", "이에요", "지민이에요"),
            ("수아", "이에요", "수아예요"),
            ("수아", "에게", "수아에게"),
            ("수아", "", "수아"),
        ],
    )
    def test_follow_the_last_sound(self, word: str, particle: str, written: str) -> None:
        assert f"{Word(word):{particle}}" == written

    @pytest.mark.parametrize("text", ["", "OK", "좋아!"])
    def test_are_refused_after_what_has_no_known_sound(self, text: str) -> None:
        with pytest.raises(ValueError, match="does not end in Korean"):
            final_sound(text)


class TestShippedModel:
    def test_is_what_the_tokenizer_maker_writes(self, tmp_path: Path) -> None:
        tokenizer.write(tmp_path, data=DIALOGUES / "train.csv")
        names = {file.name for file in MODEL.iterdir()}
        assert names == {
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
        }
        for name in names:
            assert (tmp_path / name).read_bytes() == (MODEL / name).read_bytes()

    def test_command_line_writes_the_same(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr(sys, "argv", ["tokenizer", "--out", str(tmp_path / "new")])
        tokenizer.main()
        written = (tmp_path / "new/tokenizer.json").read_bytes()
        assert written == (MODEL / "tokenizer.json").read_bytes()

    def test_seven_tokens_have_kobarts_ids(self, bart_tokenizer) -> None:
        assert bart_tokenizer.convert_tokens_to_ids(list(SEVEN_IDS)) == list(SEVEN_IDS.values())
        assert bart_tokenizer.pad_token_id == 3
        assert bart_tokenizer.eos_token_id == 1

    def test_adds_no_special_token(self, bart_tokenizer) -> None:
        ids = bart_tokenizer("안녕하세요, 예약하고 싶어요.").input_ids
        assert ids
        assert min(ids) > max(SEVEN_IDS.values())

    @pytest.mark.parametrize("split", ["train", "dev"])
    def test_every_summary_comes_back_as_it_was(self, bart_tokenizer, split: str) -> None:
        for row in rows_of(split):
            for part in re.split(r"#Person\d#", row["summary"]):
                ids = bart_tokenizer(part.strip()).input_ids
                assert bart_tokenizer.decode(ids) == part.strip()

    def test_knows_every_letter_of_cleaned_train_dialogues(self, bart_tokenizer, train) -> None:
        cleaned = [re.sub("[ㅋㅎ]+", "웃음", row["dialogue"]) for row in train]
        cleaned = [re.sub("[ㅠㅜ]+", "슬픔", text) for text in cleaned]
        cleaned = [re.sub(r"#\w+#:?", " ", " ".join(turns_of(text))) for text in cleaned]
        ids = bart_tokenizer(cleaned).input_ids
        assert not [text for text, row in zip(cleaned, ids, strict=True) if 5 in row]

    def test_no_piece_joins_a_speaker_tag_with_a_word(self, bart_tokenizer) -> None:
        """Tags are added as tokens later; pieces that swallowed one would never be seen."""
        pieces = [piece for piece in bart_tokenizer.get_vocab() if "#" in piece or "<br" in piece]
        assert not pieces

    def test_takes_the_fifteen_special_tokens(self, bart_tokenizer) -> None:
        before = len(bart_tokenizer)
        assert bart_tokenizer.add_tokens([*SPEAKERS, *MASKED], special_tokens=True) == 15
        ids = bart_tokenizer("#Person1#은 #Address#로 갔다.").input_ids
        assert sum(token >= before for token in ids) == 2

    def test_config_makes_a_bart_that_starts_as_its_checkpoint_says(self) -> None:
        transformers = pytest.importorskip("transformers")
        config = transformers.BartConfig.from_pretrained(MODEL)
        model = transformers.BartForConditionalGeneration(config)
        assert sum(weight.numel() for weight in model.parameters()) < 1_000_000
        assert config.decoder_start_token_id == 2
        generation = json.loads((MODEL / "generation_config.json").read_text())
        assert generation["forced_eos_token_id"] == config.eos_token_id == 1

    def test_needs_neither_torch_nor_transformers_to_be_made(self) -> None:
        """config is imported by every command; what is heavy stays out."""
        code = (
            "import sys, config.sample.tokenizer, config.sample.generate;"
            "assert not {'torch', 'transformers'} & set(sys.modules)"
        )
        subprocess.run(
            [sys.executable, "-c", code], cwd=Path(generate.__file__).parents[2], check=True
        )
