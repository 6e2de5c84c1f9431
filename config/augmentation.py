"""The augmentation section: further training inputs, made from the training dialogues."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from config.section import Count, Fraction, Real, Section

Share = Annotated[Real, Field(ge=0, le=1)]
Checkpoint = Annotated[str, Field(min_length=1)]


class Augmentation(Section):
    """Copies of training dialogues, changed, with their summaries; dev and test are never touched.

    Each kind is off at 0. Speaker tags and masked personal data stay where they are.
    """

    aeda: Fraction = Field(
        default=0.0,
        description="copies with punctuation marks thrown in: that many for each word; 0: none",
    )
    swap: Fraction = Field(
        default=0.0,
        description="copies in which this share of the words changes places with a neighbour; "
        "0: none",
    )
    delete: Fraction = Field(
        default=0.0, description="copies without this share of the words; 0: none"
    )
    copies: Annotated[Count, Field(le=20)] = Field(
        default=1, description="copies of each dialogue for each of aeda, swap and delete"
    )
    paraphrase: Share = Field(
        default=0.0, description="share of the dialogues that get a paraphrased copy; 0: none"
    )
    paraphrase_model: Checkpoint | None = Field(
        default=None,
        description="hub id or folder of a seq2seq checkpoint that rewrites a sentence",
    )
    paraphrase_prefix: str = Field(
        default="", description="text before each sentence to paraphrase, as T5 wants it"
    )
    back_translation: Share = Field(
        default=0.0,
        description="share of the dialogues that get a copy translated there and back; 0: none",
    )
    translation_model: Checkpoint | None = Field(
        default=None, description="hub id or folder of a checkpoint that translates there"
    )
    translation_back_model: Checkpoint | None = Field(
        default=None,
        description="hub id or folder of a checkpoint that translates back; may be the same",
    )
    language: str | None = Field(
        default=None,
        description="code of the dialogues' language in a multilingual checkpoint, such as "
        "kor_Hang; null: it knows one direction only",
    )
    pivot_language: str | None = Field(
        default=None, description="code of the language there, such as eng_Latn; null: as above"
    )
    min_overlap: Share = Field(
        default=0.3,
        description="a rewritten sentence that shares less with the original is not used; F1 of "
        "its pairs of characters",
    )
    max_overlap: Share = Field(
        default=0.95, description="neither is one that shares more: it says nothing new"
    )
    rewriting_beams: Annotated[Count, Field(le=64)] = Field(
        default=1, description="beams in rewriting; 1 is greedy search"
    )
    rewriting_batch_size: Annotated[Count, Field(le=65_536)] = Field(
        default=32, description="sentences rewritten at once; changes only the speed"
    )

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        if self.paraphrase and self.paraphrase_model is None:
            raise ValueError(
                f"paraphrase is {self.paraphrase:g} but there is no paraphrase_model; "
                "name a checkpoint, or write paraphrase: 0"
            )
        if self.back_translation and None in (self.translation_model, self.translation_back_model):
            raise ValueError(
                f"back_translation is {self.back_translation:g} but translation_model or "
                "translation_back_model is missing; name both, or write back_translation: 0"
            )
        if (self.language is None) != (self.pivot_language is None):
            raise ValueError("language and pivot_language go together; write both or none")
        if self.min_overlap > self.max_overlap:
            raise ValueError(
                f"min_overlap {self.min_overlap:g} is above max_overlap {self.max_overlap:g}"
            )
        return self
