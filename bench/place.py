"""Where a run takes place: a folder on a real disk, a PostgreSQL of our own, and everybody who is to be measured."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench import machine, postgres, recipes
from bench.hookdesk import Hookdesk
from bench.recipes import Recipe
from bench.sending import Sender
from bench.sizes import Sizes
from worker import broker

POSTGRESQL, SQLITE = "PostgreSQL", "SQLite"
STORES = (POSTGRESQL, SQLITE)


class Stoppable(Protocol):
    """Whatever runs."""

    def stop(self) -> None: ...


@dataclass
class Place:
    """`stores` are those to measure Hookdesk on, the main one first; `say` tells how far we are."""

    folder: Path
    sizes: Sizes
    stores: tuple[str, ...]
    say: Callable[[str], None]
    cluster: postgres.Cluster | None
    sender: Sender = field(default_factory=Sender)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def has_recipe(self) -> bool:
        """Whether the recipe can run here."""
        return self.cluster is not None and not recipes.missing()

    @property
    def without(self) -> list[str]:
        """A sentence about what could not be measured here."""
        if self.has_recipe:
            return []
        needs = ["a PostgreSQL server (initdb)"] if self.cluster is None else []
        needs += [f"the package {name}" for name in recipes.missing()]
        return [f"The recipe was not measured: it needs {' and '.join(needs)}; `make bench` installs the packages."]

    def hookdesk(self, store: str) -> Hookdesk:
        """A new one on an empty database."""
        name = f"hookdesk{next(self._numbers)}"
        if store == SQLITE:
            return Hookdesk(self.folder / name)
        return Hookdesk(self.folder / name, self._cluster().create(name))

    def recipe(self) -> Recipe:
        """A new one on an empty database."""
        name = f"recipe{next(self._numbers)}"
        return Recipe(self.folder / name, self._cluster().create(name))

    def new_folder(self, name: str) -> Path:
        """For a process that is neither."""
        return self.folder / f"{name}{next(self._numbers)}"

    def forget(self, desk: Hookdesk) -> None:
        """Give its disk space back."""
        shutil.rmtree(desk.folder, ignore_errors=True)
        if self.cluster is not None and not desk.database_url.startswith("sqlite"):
            self.cluster.drop(desk.database_url.rpartition("/")[2])

    def _cluster(self) -> postgres.Cluster:
        if self.cluster is None:
            raise SystemExit("no PostgreSQL server binaries found (initdb): install one, or use --stores sqlite")
        return self.cluster


@contextmanager
def a_place(parent: Path, sizes: Sizes, stores: tuple[str, ...], say: Callable[[str], None]) -> Iterator[Place]:
    """Made on entering, removed on leaving, whatever happens. Meanwhile it is the current folder of this process and
    of all it starts: no hookdesk.toml that lies where the caller stands may change what is measured."""
    binaries = postgres.find_binaries()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hookdesk-bench-", dir=parent))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(chdir(folder))
        cluster = None
        if binaries is not None:
            say("starting PostgreSQL")
            cluster = postgres.Cluster(binaries, parent)
            stack.callback(cluster.destroy)
        usable = tuple(store for store in stores if store != POSTGRESQL or cluster is not None)
        yield Place(folder, sizes, usable, say, cluster)


@contextmanager
def running(*contenders: Stoppable) -> Iterator[None]:
    """Stops them all at the end, last first."""
    with ExitStack() as stack:
        for one in contenders:
            stack.callback(one.stop)
        yield


def described(place: Place) -> dict[str, str]:
    """The machine as it is now."""
    binaries = postgres.find_binaries()
    version = machine.output_of(str(binaries / "postgres"), "--version") if binaries is not None else None
    return machine.describe(
        place.folder,
        postgres=f"{version}; {postgres.told()}" if version else None,
        broker=machine.output_of(str(broker.find_binary()), "--version"),
    )


def turns(names: list[str], rounds: int) -> Iterator[list[str]]:
    """Each round begins with another one, so that nobody always goes first."""
    for n in range(rounds):
        start = n % len(names)
        yield names[start:] + names[:start]
