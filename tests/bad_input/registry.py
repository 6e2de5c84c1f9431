"""Every case of wrong input, from all subjects."""

from bad_input import (
    command_lines,
    configuration_files,
    data_files,
    environments,
    exported_files,
    storage_urls,
    study_names,
    sweep_files,
)
from bad_input.case import Case

SUBJECTS = {
    "configuration files": configuration_files.CASES,
    "data files": data_files.CASES,
    "storage URLs": storage_urls.CASES,
    "study names": study_names.CASES,
    "command lines": command_lines.CASES,
    "environment variables": environments.CASES,
    "exported files": exported_files.CASES,
    "sweep files": sweep_files.CASES,
}

CASES: tuple[Case, ...] = tuple(case for cases in SUBJECTS.values() for case in cases)
