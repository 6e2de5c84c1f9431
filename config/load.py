"""Load a configuration: preset < file < overrides < environment.

A file may say `preset: NAME`; what it leaves out comes from there, else from `kobart`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from config import yaml_text
from config.aliases import plain_spelling
from config.errors import ConfigError, SourceError
from config.layers import merged
from config.mapping import from_mapping, to_mapping
from config.overrides import Setting, settings_from, settings_from_environment, with_setting
from config.schema import Configuration
from config.space import check
from config.text_file import read_text

__all__ = [
    "DEFAULT_PRESET",
    "dump",
    "from_mapping",
    "load",
    "override",
    "preset_names",
    "to_mapping",
]

DEFAULT_PRESET = "kobart"
PRESETS = Path(__file__).parent / "presets"


def preset_names() -> tuple[str, ...]:
    """Give the names of the presets that ship with hpo."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))


def load(
    source: str | None,
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Configuration:
    """Load a preset or a YAML file and lay overrides and environment over it.

    source: a preset's name or a file; None for the preset `kobart`.
    overrides: `section.field=value`, values as in YAML.
    environ: the environment; None for an empty one.
    Raises ConfigError, also where the search space does not fit the fields.
    """
    source = DEFAULT_PRESET if source is None else source
    return _loaded(_from_source(source), source, overrides, environ)


def override(
    config: Configuration,
    overrides: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    source: str,
) -> Configuration:
    """Lay overrides and environment over a configuration that is there already, as `load` does.

    source: what messages call the configuration.
    """
    return _loaded(to_mapping(config), source, overrides, environ)


def _loaded(
    layer: dict[str, object],
    source: str,
    overrides: Sequence[str],
    environ: Mapping[str, str] | None,
) -> Configuration:
    settings = [*settings_from(overrides), *settings_from_environment(environ or {})]
    for setting in settings:
        layer = with_setting(layer, setting)
    try:
        config = from_mapping(layer)
        check(config)
    except ConfigError as error:
        lines = (_blamed(line, source, settings) for line in error.problems)
        raise type(error)(*lines) from error
    return config


def _blamed(problem: str, source: str, settings: Sequence[Setting]) -> str:
    """Say where a problem was written: in the last setting of that field, or else in the file."""
    for setting in reversed(settings):
        if setting.concerns(problem):
            return setting.blamed(problem)
    return problem if source in preset_names() else f"{source}: {problem}"


def dump(config: Configuration, *, comments: Sequence[str] = ()) -> str:
    """Write the complete configuration as YAML that loads to exactly the same one.

    comments: lines put on top, each after `# `.
    """
    return yaml_text.commented(comments) + yaml_text.write(to_mapping(config))


def _from_source(source: str) -> dict[str, object]:
    if source in preset_names():
        return _layer(PRESETS / f"{source}.yaml")
    layer = _layer(_path(source))
    base = layer.pop("preset", DEFAULT_PRESET)
    others = [str(key) for key in layer if key not in Configuration.model_fields]
    if mistyped := get_close_matches("preset", others, n=1):
        raise SourceError(f"{source}: unknown key {mistyped[0]}; did you mean preset?")
    if base not in preset_names():
        raise SourceError(f"{source}: preset: {_unknown_preset(str(base))}")
    return merged(_layer(PRESETS / f"{base}.yaml"), layer)


def _path(source: str) -> Path:
    if not source.strip():
        raise SourceError("the configuration's name is empty; name a preset or a YAML file")
    try:
        return Path(source).expanduser()
    except RuntimeError as error:  # ~name of a user there is not
        raise SourceError(f"{source}: {error}; name a YAML file") from error


def _layer(path: Path) -> dict[str, object]:
    """Read a file in the schema's own spelling; the file is named in every message."""
    try:
        content = yaml_text.read(_text(path))
        content = {} if content is None else content
        if not isinstance(content, dict):
            raise SourceError("is not a mapping of sections; write general:, model:, training:, …")
        layer = plain_spelling(content)
    except ConfigError as error:
        raise SourceError(f"{path}: {error}") from error
    return layer


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except FileNotFoundError as error:
        raise SourceError(f"no such file, and {_unknown_preset(str(path))}") from error


def _unknown_preset(name: str) -> str:
    close = get_close_matches(name, preset_names(), n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{name!r} is no preset; presets: {', '.join(preset_names())}{hint}"
