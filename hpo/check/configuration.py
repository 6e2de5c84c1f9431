"""Whether the configuration is valid, and the one that the study is pinned with."""

from hpo.check.finding import Finding
from hpo.check.subject import Subject
from hpo.creation import describe, warnings_of
from hpo.pruners import check_pruner
from hpo.samplers import check_sampler

NAME = "configuration"


def look_at_configuration(subject: Subject) -> Finding:
    """Check it as `hpo create` would; raises what that would."""
    chosen = subject.chosen.get()
    if chosen.refused is not None:
        text, _, mend = chosen.refused.rpartition("; ")
        return Finding(NAME, "failure", text, mend)
    check_sampler(chosen.config)
    check_pruner(chosen.config)
    text = f"{chosen.origin}: {describe(chosen.config)}"
    if chosen.study is None and subject.asked.study is not None:
        if subject.stored.failed:
            return Finding(
                NAME,
                "warning",
                f"{text}; whether the study is pinned is not known",
                "see the line storage",
            )
        text += f"; study {subject.asked.study!r} is not there yet"
    warnings = warnings_of(chosen.config, subject.asked.overrides)
    if chosen.study is None and warnings:
        text, _, mend = warnings[0].partition("; ")
        return Finding(NAME, "warning", f"{chosen.origin}: {text}", mend)
    return Finding(NAME, "ok", text)
