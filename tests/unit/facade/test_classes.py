"""``@vaquero.trace`` on classes: in place, once per method, harmless to every kind of class."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import vaquero

from .conftest import Spans


@vaquero.trace(agent_name="shop")
class Shop:
    """Sells."""

    stock = 3

    def __init__(self, name: str) -> None:
        self.name = name

    def sell(self, n: int) -> int:
        """Sell some."""
        return self._count(n)

    async def deliver(self) -> str:
        return self.name

    def items(self) -> Iterator[int]:
        yield from range(2)

    async def stream(self) -> AsyncIterator[int]:
        yield 1

    @staticmethod
    def price() -> int:
        return 5

    @classmethod
    def open(cls) -> Shop:
        return cls("new")

    @property
    def title(self) -> str:
        return self.name.title()

    def _count(self, n: int) -> int:
        return n

    def __len__(self) -> int:
        return 2

    class Nested:
        """Not traced unless asked for."""

        def run(self) -> None:
            pass


def test_public_methods_of_each_kind_are_spans(spans: Spans, silence: None) -> None:
    """Methods, coroutines, generators, static and class methods: ``<agent>.<method>`` each."""

    async def use(shop: Shop) -> None:
        await shop.deliver()
        assert [item async for item in shop.stream()] == [1]

    shop = Shop.open()
    shop.sell(1)
    list(shop.items())
    Shop.price()
    shop.price()
    asyncio.run(use(shop))
    _ = (shop.title, len(shop), shop._count(1))
    Shop.Nested().run()

    assert spans.names() == [
        "shop.open",
        "shop.sell",
        "shop.items",
        "shop.price",
        "shop.price",
        "shop.deliver",
        "shop.stream",
    ]
    attributes = spans.attributes("shop.sell")
    assert attributes["vaquero.agent.name"] == "shop"
    assert attributes["code.function.name"] == f"{__name__}.Shop.sell"


def test_the_class_stays_the_same_class() -> None:
    """The object is the class: instance checks, subclassing, attributes, documentation hold."""

    class Given:
        """Doc."""

        level = 1

        def run(self) -> None:
            pass

    before = Given
    after = vaquero.trace(Given)

    assert after is before
    assert isinstance(after(), Given)
    assert after.__doc__ == "Doc."
    assert after.level == 1
    assert inspect.isclass(after)

    class Child(after):  # type: ignore[misc, valid-type]
        pass

    assert issubclass(Child, Given)


def test_objects_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of a traced class, the class and its bound methods pickle as before."""
    monkeypatch.setitem(sys.modules, __name__, _this_module())
    shop = pickle.loads(pickle.dumps(Shop("a")))

    assert isinstance(shop, Shop)
    assert pickle.loads(pickle.dumps(Shop)) is Shop
    assert pickle.loads(pickle.dumps(shop.sell)).__func__ is Shop.sell


def _this_module() -> Any:
    module = type(sys)(__name__)
    module.__dict__.update(globals())
    return module


def test_the_name_is_the_class_where_none_is_given(spans: Spans, silence: None) -> None:
    """Without an agent name the spans begin with the name of the class."""

    @vaquero.trace
    class Service:
        def run(self) -> None:
            pass

    @vaquero.trace()
    class Other:
        def run(self) -> None:
            pass

    Service().run()
    Other().run()

    assert spans.names() == ["Service.run", "Other.run"]
    assert "vaquero.agent.name" not in spans.attributes("Service.run")


def test_an_inherited_method_is_one_span(spans: Spans, silence: None) -> None:
    """However many classes of a line are traced, a call is spanned once."""

    @vaquero.trace(agent_name="base")
    class Base:
        def run(self) -> str:
            return "base"

        def other(self) -> str:
            return "other"

    @vaquero.trace(agent_name="child")
    class Child(Base):
        def run(self) -> str:
            return "child of " + super().run()

        def more(self) -> None:
            pass

    @vaquero.trace
    class Grandchild(Child):
        pass

    child = Grandchild()
    child.other()
    child.more()
    assert spans.names() == ["base.other", "child.more"]
    assert child.run() == "child of base"
    assert spans.names()[2:] == ["base.run", "child.run"]
    assert spans.parent_of("base.run") == "child.run"


def test_a_method_that_is_traced_already_is_one_span(spans: Spans, silence: None) -> None:
    """A method with a decorator of its own, or a class traced twice, is spanned once."""

    @vaquero.trace("outer")
    @vaquero.trace("inner")
    class Service:
        @vaquero.trace("special")
        def run(self) -> None:
            pass

        @classmethod
        @vaquero.trace("made")
        def make(cls) -> None:
            pass

        def plain(self) -> None:
            pass

    service = Service()
    service.run()
    service.make()
    service.plain()

    assert spans.names() == ["special", "made", "inner.plain"]


def test_include_and_exclude(spans: Spans, silence: None) -> None:
    """Dunders, private names, properties and nested classes by name or pattern; others out."""

    @vaquero.trace(
        agent_name="a",
        include=["__init__", "_load*", "title", "cached", "Nested"],
        exclude="skipped",
    )
    class Service:
        def __init__(self) -> None:
            self._load_all()

        def _load_all(self) -> None:
            pass

        def _other(self) -> None:
            pass

        def skipped(self) -> None:
            pass

        @property
        def title(self) -> str:
            return "t"

        @title.setter
        def title(self, value: str) -> None:
            pass

        @functools.cached_property
        def cached(self) -> int:
            return 3

        class Nested:
            def run(self) -> None:
                pass

    service = Service()
    service._other()
    service.skipped()
    assert service.title == "t"
    service.title = "u"
    assert (service.cached, service.cached) == (3, 3)
    Service.Nested().run()

    assert spans.names() == [
        "a._load_all",
        "a.__init__",
        "a.title",
        "a.cached",
        "a.Nested.run",
    ]


def test_include_can_name_what_is_inherited(spans: Spans, silence: None) -> None:
    """A method of an untraced base is traced in the class that names it, and only there."""

    class Base:
        def run(self) -> str:
            return type(self).__name__

    @vaquero.trace(include=["run"])
    class Child(Base):
        pass

    assert Child().run() == "Child"
    Base().run()

    assert spans.names() == ["Child.run"]


def test_a_name_that_is_nowhere_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A misspelt name in include is warned of, with what was probably meant."""

    @vaquero.trace(include=["_lod"])
    class Service:
        def _load(self) -> None:
            pass

    assert Service
    assert "names nothing in" in caplog.text
    assert "did you mean '_load'?" in caplog.text


def test_an_alias_stays_an_alias(spans: Spans, silence: None) -> None:
    """Two names of one method are still one function afterwards."""

    @vaquero.trace
    class Service:
        def run(self) -> None:
            pass

        start = run

    assert Service.run is Service.start


def test_static_and_class_methods_in_either_order(spans: Spans, silence: None) -> None:
    """The decorator stands above or below ``staticmethod`` and ``classmethod``."""

    class Service:
        @vaquero.trace("s1")
        @staticmethod
        def above() -> int:
            return 1

        @staticmethod
        @vaquero.trace("s2")
        def below() -> int:
            return 2

        @vaquero.trace("c1")
        @classmethod
        def above_class(cls) -> type:
            return cls

        @classmethod
        @vaquero.trace("c2")
        def below_class(cls) -> type:
            return cls

        @vaquero.trace("p1")
        @property
        def above_property(self) -> int:
            return 3

        def base(self, n: int) -> int:
            return n

        partial = vaquero.trace("pm")(functools.partialmethod(base, 4))

    service = Service()
    assert (service.above(), Service.above(), service.below()) == (1, 1, 2)
    assert service.above_class() is Service
    assert Service.below_class() is Service
    assert service.above_property == 3
    assert service.partial() == 4
    assert isinstance(vars(Service)["above"], staticmethod)
    assert isinstance(vars(Service)["above_class"], classmethod)
    assert spans.names() == ["s1", "s1", "s2", "c1", "c2", "p1", "pm"]


def test_span_decorates_a_class(spans: Spans, silence: None) -> None:
    """``@vaquero.span`` on a class traces its public methods under that name."""

    @vaquero.span("svc", a=1)
    class Service:
        def run(self) -> None:
            pass

    Service().run()

    assert spans.attributes("svc.run")["a"] == 1
