"""A YAML file as a tree that knows its lines, variables put in, and what was never asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from vaquero.config import kinds

_REFERENCE = re.compile(
    r"\$\$|\$\{(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^\n}]*))?\}|\$\{[^}\n]*\}"
)


class TreeError(ValueError):
    """The text is no YAML, or a reference in it is malformed; says the line."""


class Tree:
    """One value with its place.

    Attributes:
        value: A scalar, a list of trees, or a dictionary of trees.
        line: Counted from 1; of the key where there is one.
        path: Keys from the root, joined by dots.
    """

    def __init__(self, value: Any, line: int, path: str) -> None:
        self.value: Any = value
        self.line = line
        self.path = path
        self._pairs: dict[str, Tree] = value if isinstance(value, dict) else {}
        self._parts: list[Tree] = value if isinstance(value, list) else []
        self._asked: set[str] = set()

    @property
    def shown(self) -> str:
        """The value for a message: short, and masked where it could be a secret."""
        if any(word in self.path for word in ("header", "key", "token")):
            return kinds.MASK
        return "..." if self._pairs or self._parts else kinds.brief(self.value, len_max=60)

    def find(self, keys: tuple[str | int, ...]) -> Tree | None:
        """What stands below these keys of mappings and indices of lists; None where nothing does.

        It does not count as read.
        """
        found: Tree | None = self
        for key in keys:
            if found is None:
                return None
            if isinstance(key, int):
                found = found._parts[key] if 0 <= key < len(found._parts) else None
            else:
                found = found._pairs.get(key)
        return found

    def get(self, key: str) -> Tree | None:
        """What stands below a key; None where nothing does, or null."""
        self._asked.add(key)
        found = self._pairs.get(key)
        return None if found is None or found.value is None else found

    def only(self) -> tuple[str, Tree] | None:
        """The one key of a mapping that names a kind, as ``batch:`` does, and what is below."""
        if len(self._pairs) != 1:
            return None
        ((key, below),) = self._pairs.items()
        self._asked.add(key)
        return key, below

    def items(self) -> Iterator[tuple[str, Tree]]:
        """All pairs of a mapping; none of anything else."""
        for key, below in self._pairs.items():
            self._asked.add(key)
            yield key, below

    def each(self) -> list[Tree]:
        """The parts of a list; none of anything else."""
        return self._parts

    def plain(self) -> Any:
        """Without places: what ``yaml.safe_load`` would have given. All of it counts as read."""
        if isinstance(self.value, dict):
            return {key: below.plain() for key, below in self.items()}
        return (
            [part.plain() for part in self._parts] if isinstance(self.value, list) else self.value
        )

    def unread(self) -> Iterator[Tree]:
        """Everything that holds a value and that nobody asked for."""
        for key, below in self._pairs.items():
            if key in self._asked:
                yield from below.unread()
            elif below.value is not None:
                yield below
        for part in self._parts:
            yield from part.unread()


def parse(text: str, environ: Mapping[str, str]) -> Tree:
    """Read a document.

    Args:
        text: YAML.
        environ: For ``${NAME}`` and ``${NAME:-default}`` in values; ``$$`` is a dollar sign.

    Raises:
        TreeError: It cannot be read.
        ImportError: There is no pyyaml.
    """
    import yaml

    reader: Any = yaml
    try:
        node: Any = reader.compose(text, Loader=reader.SafeLoader)
        if node is None:
            return Tree(None, 1, "")
        return _tree(node, environ, "", node.start_mark.line + 1, _Scalars(yaml), 0)
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise TreeError(f"{where}{getattr(error, 'problem', None) or 'no YAML'}") from None


class _Scalars:
    """How a text becomes a value, by YAML's own rules."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml
        self._loader: Any = yaml.SafeLoader("")

    def read(self, text: str, tag: str | None) -> Any:
        nodes = self._yaml.nodes
        if tag is None:
            tag = str(self._loader.resolve(nodes.ScalarNode, text, (True, False)))
        if tag.endswith(":timestamp"):
            return text
        try:
            return self._loader.construct_object(nodes.ScalarNode(tag, text), deep=True)
        except ValueError:
            return text


def _tree(
    node: Any, environ: Mapping[str, str], path: str, line: int, scalars: _Scalars, depth: int
) -> Tree:
    if depth > 64:
        raise TreeError(f"line {line}: too deep, or an alias that holds itself")
    dot = f"{path}." if path else ""
    if node.id == "mapping":
        pairs: dict[str, Tree] = {}
        for key, below in node.value:
            at = key.start_mark.line + 1
            if str(key.value) in pairs:
                raise TreeError(f"line {at}: the key {key.value!r} stands twice")
            where = f"{dot}{key.value}"
            pairs[str(key.value)] = _tree(below, environ, where, at, scalars, depth + 1)
        return Tree(pairs, line, path)
    if node.id == "sequence":
        parts = [
            _tree(part, environ, f"{path}[{i}]", part.start_mark.line + 1, scalars, depth + 1)
            for i, part in enumerate(node.value)
        ]
        return Tree(parts, line, path)
    if "$" not in node.value:
        return Tree(scalars.read(node.value, node.tag), line, path)
    text = _REFERENCE.sub(lambda found: _put_in(found, environ, line), node.value)
    # A plain value is read again: the variable may hold a number. A quoted one stays text.
    return Tree(scalars.read(text, None if node.style is None else node.tag), line, path)


def _put_in(found: re.Match[str], environ: Mapping[str, str], line: int) -> str:
    if found.group() == "$$":
        return "$"
    name = found.group("name")
    if name is None:
        raise TreeError(
            f"line {line}: {found.group()!r} is no reference; expected ${{NAME}} or "
            "${NAME:-default}"
        )
    return environ.get(name) or found.group("default") or ""
