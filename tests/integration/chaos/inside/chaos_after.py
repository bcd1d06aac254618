"""Do something to a module right after it is first imported, and to no process that never imports it."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys

_wanted = {}


def after_import(name, change):
    """`change(module)` once the module has been executed; several for one module in the order given."""
    if not _wanted:
        sys.meta_path.insert(0, _Finder())
    _wanted.setdefault(name, []).append(change)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in _wanted:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)) is not None:
                spec.loader = _Loader(spec.loader, _wanted[name])
                return spec
        return None


class _Loader(importlib.abc.Loader):
    def __init__(self, loader, changes):
        self._loader, self._changes = loader, changes

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        for change in self._changes:
            change(module)

    def __getattr__(self, name):
        return getattr(self._loader, name)
