"""The check at start that trainer, storage and config are this project's own."""

import subprocess
import sys
from pathlib import Path

import pytest

from hpo.errors import HpoError
from hpo.ours import SIBLINGS, NotOurs, check_ours

ROOT = Path(__file__).parent.parent.parent
CHECK = "from hpo.ours import check_ours; check_ours(); print('ours')"


def run(code, *, cwd, first=()):
    """Run code in a new Python whose search path begins with the folders in `first`."""
    path = [str(folder) for folder in first]
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_our_own_packages_pass():
    check_ours()


def test_it_imports_none_of_them(tmp_path):
    code = f"{CHECK}; print(sorted({SIBLINGS!r} & sys.modules.keys()))".replace(
        repr(SIBLINGS), repr(set(SIBLINGS))
    )
    assert run(code, cwd=tmp_path).stdout.splitlines() == ["ours", "[]"]


@pytest.mark.parametrize("name", SIBLINGS)
def test_another_package_of_the_name_is_refused(name, tmp_path):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    result = run(CHECK, cwd=tmp_path, first=[tmp_path])
    assert result.returncode == 1
    message = result.stderr.splitlines()[-1]
    assert f"package {name!r} was found in {tmp_path / name} instead of {ROOT / name}" in message
    assert "make setup" in message


def test_a_script_of_the_name_in_the_working_folder_is_refused(tmp_path):
    (tmp_path / "trainer.py").touch()
    result = run(CHECK, cwd=tmp_path, first=[tmp_path])
    assert f"was found in {tmp_path / 'trainer.py'}" in result.stderr


def test_a_bare_folder_of_the_name_is_refused_where_it_would_win(tmp_path):
    """The editable install is asked after the search path, so even a folder of YAML hides ours."""
    (tmp_path / "config").mkdir()
    assert (
        f"was found in {tmp_path / 'config'}" in run(CHECK, cwd=tmp_path, first=[tmp_path]).stderr
    )


def test_folders_of_the_names_do_not_disturb_the_hpo_command(tmp_path):
    """A script's search path has no working folder: `hpo` works where a team keeps its config/."""
    (tmp_path / "config").mkdir()
    command = Path(sys.executable).with_name("hpo")
    subprocess.run([command, "studies", "--help"], cwd=tmp_path, check=True, timeout=60)


def test_one_imported_already_is_seen(monkeypatch):
    class Other:
        __spec__ = None

    monkeypatch.setitem(sys.modules, "storage", Other)
    with pytest.raises(NotOurs, match="package 'storage' was found in nowhere"):
        check_ours()


def test_the_command_line_can_report_it_like_any_known_failure():
    assert issubclass(NotOurs, HpoError)
