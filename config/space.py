"""The search space as data: which fields may vary, and how; the parts in one place."""

from __future__ import annotations

from config.entries import CategoricalEntry, Entry, FloatEntry, IntEntry, SearchSpace
from config.space_apply import apply
from config.space_check import check
from config.space_order import is_active, ordered
from config.space_size import combinations, max_evaluations

__all__ = [
    "CategoricalEntry",
    "Entry",
    "FloatEntry",
    "IntEntry",
    "SearchSpace",
    "apply",
    "check",
    "combinations",
    "is_active",
    "max_evaluations",
    "ordered",
]
