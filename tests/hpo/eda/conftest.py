"""Small data with planted noise, tags, copies and leaks, and the analysis of it."""

import csv

import debian_package
import pytest

from config.load import load
from hpo.eda.analysis import analyse
from hpo.eda.fonts import find_font
from hpo.eda.splits import read_splits

LUNCH = (
    "#Person1#: 오늘 점심은 회사 근처 식당에서 김치찌개를 먹을까요?\n"
    "#Person2#: 좋아요. 지난주에 갔던 식당 음식이 아주 맛있었어요."
)
BANK = (
    "#Person1#: 은행에서 카드를 새로 만들고 싶은데 신분증만 있으면 되나요?\n"
    "#Person2#: 네, 신분증과 #PhoneNumber# 확인이면 충분합니다."
)
TRIP = (
    "#Person1#: 이번 여름 휴가에는 부산 바다로 여행을 가기로 했어.\n"
    "#Person2#: 부럽다. 나는 바다 사진이라도 많이 보내 줘.\n#Person1#: 그럴게."
)
NOISY = (
    "#Person1#: 진짜 웃기다 ㅋㅋㅋ\\n#Person2#: 그러게 ㅎㅎ<br>#Person1#: 슬픈 영화 ㅠㅠ ㄱㄱ\n"
    "#Person3: 나도 봤어. #Team# 모임에서  봤지."
)
# The same dialogue as LUNCH, told otherwise in places.
LUNCH_AGAIN = LUNCH.replace("오늘 점심은", "내일 저녁은").replace("아주 맛있었", "정말 좋았")
TRAIN = (
    ("a", LUNCH, "점심으로 김치찌개를 먹기로 한다.", "식당"),
    ("b", BANK, "#Person1#은 은행에서 카드를 만든다.", "은행"),
    ("c", TRIP, "여행 " * 90, "식당"),
    ("d", LUNCH.replace("\n", "  \n"), "식당에 간다.", "식당"),
    ("e", NOISY, "영화를 봤다 ㅋㅋ", ""),
)
DEV = (("f", LUNCH_AGAIN, "저녁을 먹는다.", "저녁"),)
TEST = (("g", BANK, "", ""), ("h", "#Person1#: 전혀 다른 이야기를 합니다.", "", ""))


def write_csv(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("fname", "dialogue", "summary", "topic"))
        writer.writerows(rows)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("data")
    for name, rows in (("train", TRAIN), ("dev", DEV), ("test", TEST)):
        write_csv(made / f"{name}.csv", rows)
    return made


@pytest.fixture(scope="session")
def config(folder):
    return load("demo", overrides=[f"general.data_path={folder}"])


@pytest.fixture(scope="session")
def splits(config):
    return read_splits(config)


@pytest.fixture(scope="session")
def analysis(config, splits):
    return analyse(config, splits, near=0.25, say=lambda _: None)


@pytest.fixture(scope="session")
def font():
    """A Korean font, installed from the system's packages where root may do that."""
    with debian_package.ONE_AT_A_TIME:
        found = find_font(None)
        if found is None and debian_package.may_install():
            debian_package.install("fonts-nanum")
            found = find_font(None)
    if found is None:
        pytest.skip("no Korean font here (as root: apt-get install fonts-nanum)")
    return found
