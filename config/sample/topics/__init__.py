"""The sentence material, a module for each topic."""

from config.sample.sentences import Topic
from config.sample.topics import (
    bank,
    birthday,
    club,
    hospital,
    interview,
    moving,
    parcel,
    repair,
    restaurant,
    travel,
)

TOPICS: tuple[Topic, ...] = (
    hospital.TOPIC,
    restaurant.TOPIC,
    travel.TOPIC,
    interview.TOPIC,
    parcel.TOPIC,
    moving.TOPIC,
    club.TOPIC,
    bank.TOPIC,
    repair.TOPIC,
    birthday.TOPIC,
)
