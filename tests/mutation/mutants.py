"""Small faults put into a module, one at a time: what a test suite that holds must notice.

Made for code whose rules are tables: rows and members are taken out too, which tools that change function bodies
alone never try. Texts for people, types and docstrings are left alone.
"""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple


class Mutant(NamedTuple):
    """``change`` says what was done to what. ``made`` makes the whole module, changed, with the lines it had."""

    line: int
    change: str
    made: Callable[[], ast.Module]


_SWAPPED: Final[dict[type[ast.AST], tuple[type[Any], ...]]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt,), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.And: (ast.Or,), ast.Or: (ast.And,),
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.FloorDiv,), ast.FloorDiv: (ast.Mult,),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.Mult,), ast.BitOr: (ast.BitAnd,), ast.BitAnd: (ast.BitOr,),
}  # fmt: skip
_MARKS: Final = {"Final", "field", "Field", "Annotated", "getLogger", "get_logger"}

_NO_RULES: Final = {
    None, "reason", "remedy", "description", "default_factory", "repr", "kw_only", "frozen", "slots", "strict",
    "source", "separators",
}  # fmt: skip
"""Keywords for people, how JSON is spaced, and what holds code alone to a promise, such as ``strict`` of ``zip``."""

_GENERIC: Final = {
    "dict",
    "defaultdict",
    "Counter",
    "list",
    "tuple",
    "set",
    "frozenset",
    "Callable",
    "Mapping",
    "Sequence",
}  # types alone

type Change = tuple[str, Callable[[Any], Any]]
"""What it is called, and what makes of the copy of a node the node that stands in its place; None: nothing does."""


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module. Of changes that read alike, the second and each further one has its number."""
    tree = ast.parse(source)
    found = Counter[str]()
    for index, (node, around) in enumerate(_mutable(tree)):
        for name, change in _changes(node):
            was = ast.unparse(around if isinstance(node, ast.Constant) else node).partition("\n")[0]
            label = f"{name}: {was[:90]}"
            found[label] += 1
            again = f" ({found[label]})" if found[label] > 1 else ""
            yield Mutant(node.lineno, label + again, partial(_made, tree, index, change))


def _made(tree: ast.Module, index: int, change: Callable[[Any], Any]) -> ast.Module:
    changed = copy.deepcopy(tree)
    target, _ = list(_mutable(changed))[index]
    replacement = change(target)
    if replacement is not target:
        _Replace(target, replacement).visit(changed)
    return ast.fix_missing_locations(changed)


def _mutable(tree: ast.AST) -> Iterator[tuple[Any, ast.AST]]:
    """Nodes with a line, each with the one around it, but for types, docstrings, imports, and texts for people."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "type_params", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(
                child, ast.Import | ast.ImportFrom | ast.TypeAlias | ast.JoinedStr
            ):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            if isinstance(child, ast.keyword) and child.arg in _NO_RULES:
                continue
            if isinstance(child, ast.Subscript) and _callee(child.value) in _GENERIC:
                continue
            if hasattr(child, "lineno"):
                yield child, tree
            yield from _mutable(child)


def _changes(node: Any) -> Iterator[Change]:  # noqa: C901, PLR0912 - a table of kinds
    match node:
        case ast.Compare(ops=[operator]):
            for other in _SWAPPED.get(type(operator), ()):
                yield f"{type(operator).__name__} -> {other.__name__}", _with("ops", [other()])
        case ast.BoolOp(op=operator) | ast.BinOp(op=operator):
            for other in _SWAPPED.get(type(operator), ()):
                yield f"{type(operator).__name__} -> {other.__name__}", _with("op", other())
        case ast.UnaryOp(op=ast.Not()):
            yield "not, taken off", lambda own: own.operand
        case ast.Constant(value=bool(value)):
            yield f"-> {not value}", _with("value", not value)
        case ast.Constant(value=int(value)):
            yield f"{value} -> {value + 1}", _with("value", value + 1)
        case ast.If() | ast.IfExp() | ast.While():
            for value in (True, False):
                yield f"condition -> {value}", _with("test", ast.Constant(value))
        case ast.Return(value=ast.Constant(value=None | False)):
            pass  # None is as good
        case ast.Return(value=ast.expr()):
            yield "returns None", _with("value", ast.Constant(None))
        case ast.Raise() | ast.AugAssign() | ast.Delete():
            yield "left out", lambda _: ast.Pass()
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield "left out", lambda _: ast.Pass()
        case ast.Continue() | ast.Break():
            yield "left out", lambda _: ast.Pass()
        case ast.Dict(keys=keys) if len(keys) > 0:
            for at in range(len(keys)):
                yield f"without row {at} ({_name(keys[at])})", _without("keys", "values", at=at)
        case (
            ast.Set(elts=elements) | ast.Tuple(elts=elements, ctx=ast.Load()) | ast.List(elts=elements, ctx=ast.Load())
        ):
            if len(elements) > 1:
                for at in range(len(elements)):
                    yield f"without element {at}", _without("elts", at=at)
        case ast.Call(func=func, keywords=keywords) if _callee(func) not in _MARKS:
            for at, keyword in enumerate(keywords):
                if keyword.arg not in _NO_RULES:
                    yield f"without {keyword.arg}=", _without("keywords", at=at)


def _callee(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def _name(key: ast.expr | None) -> str:
    return ast.unparse(key)[:30] if key else "**"


def _with(member: str, value: Any) -> Callable[[Any], Any]:
    def change(node: Any) -> Any:
        setattr(node, member, value)
        return node

    return change


def _without(*members: str, at: int) -> Callable[[Any], Any]:
    def change(node: Any) -> Any:
        for member in members:
            del getattr(node, member)[at]
        return node

    return change


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self._new if node is self._old else super().visit(node)
