"""YAML as people write it: `2e-4` is a number, a date stays text, a key given twice is refused.

What is written here reads back the same, floats to the last digit.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import chain

import yaml

from config.errors import SourceError

FLOAT = "tag:yaml.org,2002:float"
MERGE = "tag:yaml.org,2002:merge"
TEXT = "tag:yaml.org,2002:str"
MAP = "tag:yaml.org,2002:map"
SEQUENCE = "tag:yaml.org,2002:seq"
TIMESTAMP = "tag:yaml.org,2002:timestamp"
# YAML 1.1 wants a dot before and a sign after the e: it reads 2e-4 as text.
EXPONENT = re.compile(r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$")
LINE_ENDS = "\r\x85\u2028\u2029"
LINE_WIDTH = 100  # characters
ENDLESS = 10**6
MOST_VALUES = 100_000
MOST_DEPTH = 3  # mappings below this are written on one line


class _Loader(yaml.SafeLoader):
    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            where = f"line {key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                raise SourceError(f"{where}: a name must be a word; write name: value")
            if key.value in seen:
                raise SourceError(f"{where}: {key.value!r} is given twice; keep one")
            seen.add(key.value)
            if key.tag != MERGE:
                key.tag = TEXT  # `1:` and `on:` are names, not a number and true
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """Write equal lists out each time: references puzzle readers."""
        del data
        return True


for _kind in (_Loader, _Dumper):  # the dumper too, so that text like 2e-4 is quoted
    _kind.add_implicit_resolver(FLOAT, EXPONENT, list("-+.0123456789"))
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


Path = tuple[str | int, ...]


def read(text: str) -> object:
    """Read one YAML document; raises SourceError with the line of a mistake."""
    return _constructed(text)[0]


def read_with_lines(text: str) -> tuple[object, dict[Path, int]]:
    """Read one YAML document as `read` does, with the line that each key and item stands on."""
    content, node = _constructed(text)
    return content, {} if node is None else dict(_lines(node, ()))


def _constructed(text: str) -> tuple[object, yaml.Node | None]:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        _check_size(node)
        return loader.construct_document(node), node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise SourceError(f"{where}{error.problem or 'is not YAML'}; check the YAML") from error
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"{reason}; write the file as UTF-8 text") from error
    except RecursionError as error:
        raise SourceError("too deeply nested; write it flat") from error
    except ValueError as error:  # a number that YAML's pattern takes and Python refuses
        raise SourceError(f"{error}; quote the value or correct it") from error


def _lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    """Walk a document that was constructed, so that what it merges is in its place already."""
    if isinstance(node, yaml.MappingNode):
        parts = [(key.value, key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        parts = [(number, value, value) for number, value in enumerate(node.value)]
    else:
        return
    for part, begins, value in parts:
        yield (*path, part), begins.start_mark.line + 1
        yield from _lines(value, (*path, part))


def _check_size(root: yaml.Node) -> None:
    """Refuse references that grow beyond measure, or that contain themselves.

    Ten lines of ten references each are ten thousand million values once something walks them.
    """
    sizes: dict[int, int] = {}  # 0 while the node is being counted

    def size(node: yaml.Node) -> int:
        if isinstance(node, yaml.ScalarNode):
            return 1
        known = sizes.setdefault(id(node), -1)
        if known == 0:
            raise SourceError(
                f"line {node.start_mark.line + 1}: contains itself; write it without references"
            )
        if known < 0:
            sizes[id(node)] = 0
            inside = (
                chain.from_iterable(node.value)
                if isinstance(node, yaml.MappingNode)
                else node.value
            )
            sizes[id(node)] = 1 + sum(map(size, inside))
        return sizes[id(node)]

    if size(root) > MOST_VALUES:
        raise SourceError(
            f"has more than {MOST_VALUES} values once its references are followed; "
            "write it without references"
        )


class _Inline(dict[str, object]):
    """A mapping written on one line."""


class _InlineList(list[object]):
    """A list written on one line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Escape rare line ends, which PyYAML would otherwise read back as plain ones."""
    style = '"' if any(end in text for end in LINE_ENDS) else None
    return dumper.represent_scalar(TEXT, text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(
    _Inline, lambda dumper, data: dumper.represent_mapping(MAP, data.items(), flow_style=True)
)
_Dumper.add_representer(
    _InlineList, lambda dumper, data: dumper.represent_sequence(SEQUENCE, data, flow_style=True)
)


def write(mapping: Mapping[str, object]) -> str:
    """Write a mapping in its own order: a field on a line, with all that it holds."""
    sections = {name: _laid_out(section, depth=1) for name, section in mapping.items()}
    return yaml.dump(
        sections, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=LINE_WIDTH
    )


def write_line(mapping: Mapping[str, object]) -> str:
    """Write a mapping on one line, as `write` does within a section."""
    return yaml.dump(
        _Inline(mapping), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=ENDLESS
    ).rstrip()


def commented(comments: Sequence[str]) -> str:
    """Write lines of text as comments, without what a terminal or a parser would obey."""
    lines = [line for comment in comments for line in comment.splitlines() or [""]]
    return "".join(f"# {_printable(line)}".rstrip() + "\n" for line in lines)


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line)


def _laid_out(value: object, *, depth: int) -> object:
    if isinstance(value, list):
        return _InlineList(value)
    if not isinstance(value, dict):
        return value
    of_mappings = any(isinstance(one, dict) and one for one in value.values())
    if depth == 1 or (of_mappings and depth < MOST_DEPTH):
        return {key: _laid_out(one, depth=depth + 1) for key, one in value.items()}
    return _Inline(value)
