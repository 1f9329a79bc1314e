"""The API reference: every public name of ``ganvae_lib`` and ``ganvae_course`` with its signature and docstring, each
label in it a link to its place in the chapters.

A line ``% api: networks`` of a page becomes the entries of that package, and ``% api`` the table of all names.
"""

import ast
import inspect
import re
import sys
from functools import cached_property
from importlib import import_module
from pathlib import Path

from docstrings import Text
from registry import Registry
from zoomap import place

import ganvae_lib

__all__ = ["Reference", "filled"]

PLACE = re.compile(r"^% api(?:: ([\w.]+))?$", re.M)
FUNCTIONS = inspect.isfunction, inspect.isbuiltin


def filled(text: str, registry: Registry) -> str:
    """A page with its entries, or with the table of all names."""
    if not PLACE.search(text):
        return text
    reference = Reference(registry)
    return PLACE.sub(lambda found: reference.package(found[1]) if found[1] else reference.names(), text)


def home(package: str):
    return import_module(package if package.startswith("ganvae_course") else f"ganvae_lib.{package}")


def public(package: str) -> list[str]:
    """The names of a package that are its own."""
    module, front = home(package), [name for name, at in ganvae_lib._PACKAGE_OF_NAME.items() if at == package]
    if package == "errors":  # the rest is for the library's own messages
        return front
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    ours = [n for n in names if not inspect.ismodule(getattr(module, n)) and of_ours(getattr(module, n))]
    return list(dict.fromkeys([*front, *sorted(ours, key=str.lower)]))


def of_ours(thing) -> bool:
    return getattr(thing, "__module__", "ganvae_").startswith("ganvae_")


def packages() -> list[str]:
    return [*dict.fromkeys(ganvae_lib._MODULES.values()), "ganvae_course"]


class Reference:
    """What has an entry: ``entries`` is (package, name) -> the entry's anchor, such as ganvae_lib.build."""

    def __init__(self, registry: Registry):
        self.text = Text(registry, self.of)
        self.entries: dict[tuple[str, str], str] = {}
        for package in packages():
            for name in public(package):
                of = package if package.startswith("ganvae_course") else f"ganvae_lib.{package}"
                front = ganvae_lib._PACKAGE_OF_NAME.get(name)
                at = "ganvae_lib" if front == package else of
                if front and front != package and getattr(home(package), name) is getattr(ganvae_lib, name):
                    continue  # it has its entry where it is at home
                self.entries[package, name] = f"{at}.{name}"

    def of(self, name: str) -> str | None:
        """The anchor of what a user calls ``build``, ``nets.mlp`` or ``zoo.GAN``."""
        first, _, rest = name.partition(".")
        if rest:
            package = ganvae_lib._MODULES.get(first, "")
            if (package, rest) in self.entries:
                return self.entries[package, rest]
            return self.of(rest) if package and ganvae_lib._PACKAGE_OF_NAME.get(rest) else None
        if name in ganvae_lib._MODULES:
            return f"module-ganvae_lib.{ganvae_lib._MODULES[name]}"
        return self.entries.get((ganvae_lib._PACKAGE_OF_NAME.get(name, "ganvae_course"), name))

    # -- entries ------------------------------------------------------------------------------------------------

    def entry(self, package: str, name: str) -> list[str]:
        """The directive of one name."""
        thing, anchor = inspect.unwrap(getattr(home(package), name)), self.entries[package, name]
        lines = [f".. py:currentmodule:: {anchor.rpartition('.')[0]}", ""]
        if inspect.isclass(thing) or any(kind(thing) for kind in FUNCTIONS):
            kind = "class" if inspect.isclass(thing) else "function"
            lines += [f".. py:{kind}:: {name}{signature(thing)}", "", *indented(self.text(thing.__doc__ or ""))]
            if kind == "class":
                lines += indented(line for member in members(thing) for line in self.member(*member))
            return lines
        return [*lines, f".. py:data:: {name}", "", *indented(self.value(package, name, thing))]

    def member(self, name: str, member) -> list[str]:
        kind = "property" if isinstance(member, property | cached_property) else "method"
        function = getattr(member, "fget", None) or getattr(member, "func", None) or member
        sort = {classmethod: "classmethod", staticmethod: "staticmethod"}.get(type(member))
        function = getattr(function, "__func__", function)
        call = "" if kind == "property" else signature(function, method=sort != "staticmethod")
        options = ["   :no-index-entry:", *([f"   :{sort}:"] if sort else [])]
        return [f".. py:{kind}:: {name}{call}", *options, "", *indented(self.text(function.__doc__))]

    def value(self, package: str, name: str, thing) -> list[str]:
        """What is said of something that is no class and no function."""
        lines = self.text(comment(package, name)) if comment(package, name) else []
        if model := package == "zoo" and models().get(name):
            at = place(model)
            label = f":eq:`{at.result}`" if at.result.startswith("eq-") else f":numref:`{at.result}`"
            return [f"{model}: {label} in :doc:`/notebooks/{at.chapter}`.", "", *code(str(thing)), ""]
        if isinstance(thing, dict):
            keys = ", ".join(f"``{key}``" for key in thing)
            return [*lines, f"A dictionary with the entries {keys}." if thing else "A dictionary.", ""]
        said = repr(thing)
        return [*lines, *code(said if len(said) <= 200 else f"{type(thing).__name__} of {len(thing):,} characters"), ""]

    def package(self, package: str) -> str:
        """The section of a package, as MyST; its names are grouped by nothing but the alphabet."""
        anchor = package if package.startswith("ganvae_course") else f"ganvae_lib.{package}"
        short = [name for name, at in ganvae_lib._MODULES.items() if at == package and name != package]
        told = [f"Also ``{name}``." for name in short]
        lines = [f".. py:module:: {anchor}", "", *self.text(home(package).__doc__ or ""), " ".join(told), ""]
        names = [name for at, name in self.entries if at == package]
        for name in names:
            lines += [*self.entry(package, name), ""]
        return "```{eval-rst}\n" + "\n".join(lines) + "\n```\n"

    def names(self) -> str:
        """The table of all names of the front door, with the first sentence of each."""
        rows = []
        for package in packages():
            links = [f"{{py:obj}}`{n} <{self.entries[p, n]}>`" for p, n in self.entries if p == package]
            module = package if package.startswith("ganvae_course") else f"ganvae_lib.{package}"
            rows.append(f"{{py:mod}}`{package} <{module}>`\n: {', '.join(links)}\n")
        return "\n".join(rows)


def code(text: str) -> list[str]:
    return [".. code-block:: text", "", *("   " + line for line in text.splitlines())]


def indented(lines) -> list[str]:
    return ["   " + line if line else "" for line in lines]


def members(cls) -> list[tuple[str, object]]:
    """The public methods and properties of a class with a docstring, and of its bases that have no entry."""
    found: dict[str, object] = {}
    for base in cls.__mro__:
        if base is not cls and (not of_ours(base) or hasattr(ganvae_lib, base.__name__)):
            continue
        for name, member in vars(base).items():
            function = getattr(member, "fget", None) or getattr(member, "func", None) or member
            function = getattr(function, "__func__", function)
            if not name.startswith("_") and inspect.isfunction(function) and function.__doc__:
                found.setdefault(name, member)
    return list(found.items())


class Raw(str):
    """An annotation that prints as it was written."""

    __repr__ = str.__str__


def signature(thing, method: bool = False) -> str:
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    kept = [one.replace(annotation=Raw(one.annotation)) if isinstance(one.annotation, str) else one
            for one in list(found.parameters.values())[method:]]  # fmt: skip
    back = Raw(found.return_annotation) if isinstance(found.return_annotation, str) else found.return_annotation
    back = inspect.Signature.empty if inspect.isclass(thing) else back
    told = str(found.replace(parameters=kept, return_annotation=back)).replace("->", "\0")
    return re.sub(r"<[^<>]*(?:<[^<>]*>[^<>]*)*>", "...", told).replace("\0", "->")  # a default without a literal


def models() -> dict[str, str]:
    """The name in the zoo of each of its variables: {"PIXELCNN": "PixelCNN"}; two may be one objective."""
    tree = ast.parse(Path(home("zoo").__file__).read_text(encoding="utf8"))
    made = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    return {node.targets[0].id: node.value.args[0].value for node in made if ast.unparse(node.value.func) == "named"}


def comment(package: str, name: str) -> str:
    """The comment above the line that makes a value, wherever in the package that stands."""
    inside = home(package).__name__
    for module in [m for at, m in sys.modules.items() if at.startswith(inside) and getattr(m, "__file__", None)]:
        text = Path(module.__file__).read_text(encoding="utf8")
        if found := re.search(rf"((?:^#.*\n)+){name}\b[^\n]*=", text, re.M):
            return "\n".join(line.lstrip("#: ") for line in found[1].splitlines())
    return ""
