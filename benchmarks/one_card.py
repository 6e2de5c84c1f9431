"""The peers' Trainer on one card, where it would take all that it sees."""

from transformers import Seq2SeqTrainingArguments


def on_one_card(arguments: Seq2SeqTrainingArguments) -> Seq2SeqTrainingArguments:
    """Return the arguments for one card at most, as hpo trains: on several each batch grows."""
    arguments._n_gpu = min(arguments.n_gpu, 1)  # noqa: SLF001  # no public way: never DataParallel
    return arguments
