"""Augmented training sets: from noise and from a real checkpoint; dev stays as it is."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_hub import FakeHub

import trainer.augment
from config.errors import ConfigError
from config.load import from_mapping, to_mapping
from config.schema import Configuration
from trainer.augment import rewritten, with_noise
from trainer.data import DataFiles
from trainer.errors import Interrupted, ModelNotFound, TrainerError
from trainer.fit import fit
from trainer.noise import TAG
from trainer.session import TrainingSession

MakeConfig = Callable[..., Configuration]
ALL_FITS = {"min_overlap": 0.0, "max_overlap": 1.0}


@pytest.fixture
def session(data_files: DataFiles, tmp_path: Path) -> TrainingSession:
    return TrainingSession(data_files, tmp_path / "cache")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sentences a checkpoint really rewrote, call by call."""
    calls: list[int] = []
    real = trainer.augment.Rewriter.write

    def counting(self: object, sentences: list[str], **options: object) -> list[str]:
        calls.append(len(sentences))
        return real(self, sentences, **options)

    monkeypatch.setattr(trainer.augment.Rewriter, "write", counting)
    return calls


def paraphrasing(model: Path | str, share: float = 1.0, **more: object) -> dict[str, object]:
    return {"paraphrase": share, "paraphrase_model": str(model)} | ALL_FITS | more


def test_off_gives_the_training_set_itself(
    session: TrainingSession, tiny_config: MakeConfig, data_files: DataFiles
) -> None:
    config = tiny_config()
    assert len(session.train_split(config)) == 16
    assert with_noise(config, session.train) == []
    assert session.training_data(config) == session.data_fingerprint


def test_each_kind_adds_its_copies_with_their_summaries_and_says_how_many(
    session: TrainingSession, tiny_config: MakeConfig, caplog: pytest.LogCaptureFixture
) -> None:
    config = tiny_config(augmentation={"aeda": 0.3, "swap": 0.2, "delete": 0.2, "copies": 2})
    with caplog.at_level(logging.INFO):
        split = session.train_split(config)
    assert len(split) == 16 + 3 * 2 * 16
    plain = session.train_split(tiny_config())
    assert split.input_ids[:16] == plain.input_ids[:]
    assert split.labels[16:32] == plain.labels[:]
    assert len({tuple(row) for row in split.input_ids}) == len(split)
    assert "augmentation.delete: 32 dialogues made, 32 kept, 0 dropped" in caplog.messages


def test_dev_is_never_augmented(session: TrainingSession, tiny_config: MakeConfig) -> None:
    plain = session.dev_split(tiny_config())
    assert session.dev_split(tiny_config(augmentation={"aeda": 0.5})) is plain
    assert len(session.dev) == len(plain) == 6


def test_noise_is_the_same_in_every_process_and_another_under_another_seed(
    data_files: DataFiles, tiny_config: MakeConfig, tmp_path: Path
) -> None:
    def ids(seed: int, folder: str) -> list[list[int]]:
        config = tiny_config(general={"seed": seed}, augmentation={"swap": 0.3})
        return TrainingSession(data_files, tmp_path / folder).train_split(config).input_ids[:]

    assert ids(1, "one") == ids(1, "other")
    assert ids(1, "one") != ids(2, "one")


def test_trials_that_differ_in_augmentation_share_what_does_not(
    session: TrainingSession, tiny_config: MakeConfig, tmp_path: Path
) -> None:
    """And noise fills no disk: one set for each trial of a search would."""
    sets = [session.train_split(tiny_config(augmentation={"aeda": share})) for share in (0.1, 0.2)]
    assert sets[0].digest() != sets[1].digest()
    assert len(list((tmp_path / "cache").glob("*.safetensors"))) == 1


def test_a_checkpoint_paraphrases_and_the_tags_stay(
    tiny_config: MakeConfig, saved_model: Path, session: TrainingSession
) -> None:
    config = tiny_config(augmentation=paraphrasing(saved_model))
    copies = rewritten(config, session.train, cache_dir=None, poll=lambda: None)
    assert 0 < len(copies) <= 16
    originals = {example.fname: example for example in session.train}
    for copy in copies:
        original = originals[copy.fname.removesuffix("+paraphrase")]
        assert copy.dialogue != original.dialogue
        assert copy.summaries == original.summaries
        assert TAG.findall(copy.dialogue) == TAG.findall(original.dialogue)
        assert copy.dialogue.count("\n") == original.dialogue.count("\n")


def test_rewritten_sentences_are_kept_on_disk_and_a_larger_share_makes_only_the_rest(
    tiny_config: MakeConfig,
    saved_model: Path,
    session: TrainingSession,
    written: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trainer.augment.GROUP", 4)

    def copies(share: float, **more: object) -> list[str]:
        config = tiny_config(augmentation=paraphrasing(saved_model, share, **more))
        folder = session.cache_dir
        made = rewritten(config, session.train, cache_dir=folder, poll=lambda: None)
        return [each.dialogue for each in made]

    some = copies(0.25)
    assert len(written) == 1
    more = copies(0.5)
    assert len(written) == 2
    assert more[: len(some)] == some
    assert copies(0.5) == more
    assert copies(0.5, rewriting_batch_size=3) == more
    assert len(written) == 2
    copies(0.5, rewriting_beams=2)
    assert len(written) == 4


def test_a_rewriting_that_was_interrupted_goes_on_where_it_was(
    tiny_config: MakeConfig,
    saved_model: Path,
    session: TrainingSession,
    written: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trainer.augment.GROUP", 4)
    config = tiny_config(augmentation=paraphrasing(saved_model))
    polls = iter(range(1000))

    def interrupt() -> None:
        if next(polls) == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        fit(
            config,
            lambda _: True,
            session=session,
            output_dir=session.cache_dir / "out",
            on_poll=interrupt,
        )
    begun = len(written)
    session.train_split(config)
    assert begun == 3
    assert len(written) == 3 + 2  # the third again, and the fourth


def test_back_translation_goes_there_and_back(
    tiny_config: MakeConfig, saved_model: Path, session: TrainingSession, written: list[int]
) -> None:
    config = tiny_config(
        augmentation={
            "back_translation": 0.5,
            "translation_model": str(saved_model),
            "translation_back_model": str(saved_model),
            **ALL_FITS,
        }
    )
    copies = rewritten(config, session.train, cache_dir=None, poll=lambda: None)
    assert len(written) == 2
    assert all(copy.fname.endswith("+back_translation") for copy in copies)
    assert len(copies) <= 8


def test_sentences_that_share_too_little_or_too_much_are_not_used(
    tiny_config: MakeConfig,
    saved_model: Path,
    session: TrainingSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Random weights write nonsense, so the usual limits keep nothing of it."""
    usual = {"min_overlap": 0.3, "max_overlap": 0.95}
    config = tiny_config(augmentation=paraphrasing(saved_model, **usual))
    with caplog.at_level(logging.INFO):
        assert rewritten(config, session.train, cache_dir=None, poll=lambda: None) == []
    (line,) = [m for m in caplog.messages if m.startswith("augmentation.paraphrase")]
    assert line.startswith("augmentation.paraphrase: 16 dialogues made (0 of ")
    assert line.endswith(" sentences fit to use), 0 kept, 16 dropped")


def test_a_checkpoint_of_the_hub_serves_and_a_missing_one_is_one_clear_line(
    tiny_config: MakeConfig, saved_model: Path, hub: FakeHub, session: TrainingSession
) -> None:
    hub.put(saved_model)
    config = tiny_config(augmentation=paraphrasing(hub.name, 0.3))
    session.prepare(config)
    assert "model.safetensors" in hub.fetched
    missing = tiny_config(augmentation=paraphrasing("team/nothing", 0.0))
    with pytest.raises(ModelNotFound) as caught:
        session.prepare(missing)
    message = str(caught.value)
    assert message.startswith("augmentation.paraphrase_model 'team/nothing' is no folder here")
    assert "\n" not in message


def test_a_folder_that_is_no_checkpoint_is_one_clear_line(
    tiny_config: MakeConfig, tiny_model: Path, session: TrainingSession
) -> None:
    config = tiny_config(augmentation=paraphrasing(tiny_model))
    with pytest.raises(TrainerError, match=r"^augmentation.paraphrase_model .* has no weights"):
        session.prepare(config)


def test_a_training_on_rewritten_text_is_another_one_than_on_the_files(
    tiny_config: MakeConfig, saved_model: Path, session: TrainingSession
) -> None:
    """So that no machine goes on with a training whose text it would have written otherwise."""
    config = tiny_config(augmentation=paraphrasing(saved_model))
    assert session.training_data(config) != session.data_fingerprint
    noise = tiny_config(augmentation={"aeda": 0.2})
    assert session.training_data(noise) == session.data_fingerprint


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"paraphrase": 0.5}, "paraphrase is 0.5 but there is no paraphrase_model"),
        ({"back_translation": 1, "translation_model": "a"}, "translation_back_model is missing"),
        ({"language": "kor_Hang"}, "language and pivot_language go together"),
        ({"min_overlap": 0.9, "max_overlap": 0.5}, "min_overlap 0.9 is above max_overlap 0.5"),
        ({"aeda": 1.0}, "augmentation.aeda"),
    ],
)
def test_what_cannot_be_made_is_refused(section: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping({"augmentation": section})
    assert says in str(caught.value)


def test_shares_can_be_searched_over(tiny_config: MakeConfig) -> None:
    from config.space import check

    space = {
        "augmentation.aeda": {"low": 0.0, "high": 0.3},
        "augmentation.paraphrase": {"low": 0.0, "high": 1.0},
        "training.rdrop_alpha": {"choices": [0.0, 1.0]},
        "training.layerwise_lr_decay": {"low": 0.7, "high": 1.0},
    }
    mapping = to_mapping(tiny_config(augmentation={"paraphrase_model": "team/paraphrase"}))
    check(from_mapping({**mapping, "optuna": {"search_space": space}}))
    with pytest.raises(ConfigError, match="does not change the score"):
        check(
            from_mapping(
                {
                    "optuna": {
                        "search_space": {"augmentation.rewriting_batch_size": {"choices": [1, 2]}}
                    }
                }
            )
        )
