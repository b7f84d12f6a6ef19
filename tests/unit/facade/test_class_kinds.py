"""Traced classes of kinds with machinery of their own keep working."""

from __future__ import annotations

import abc
import dataclasses
import enum
import typing
from typing import Any, NamedTuple, Protocol

import pytest

import vaquero

from .conftest import Spans


def test_dataclasses(spans: Spans, silence: None) -> None:
    """A dataclass keeps its fields, comparison and replacement, with slots and frozen too."""

    @vaquero.trace
    @dataclasses.dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2

        def length(self) -> int:
            return self.x + self.y

    @dataclasses.dataclass(slots=True)
    @vaquero.trace
    class Later:
        x: int

        def run(self) -> int:
            return self.x

    assert Point(1) == Point(1)
    assert dataclasses.replace(Point(1), y=5).length() == 6
    assert [field.name for field in dataclasses.fields(Point)] == ["x", "y"]
    assert Later(4).run() == 4
    assert spans.names() == ["Point.length", "Later.run"]


def test_slots(spans: Spans, silence: None) -> None:
    """A class with slots stays one without a dict."""

    @vaquero.trace
    class Service:
        __slots__ = ("a",)

        def run(self) -> int:
            self.a = 1
            return self.a

    service = Service()

    assert service.run() == 1
    assert not hasattr(service, "__dict__")


def test_abstract_classes(spans: Spans, silence: None) -> None:
    """Abstract methods stay abstract, and their implementations are traced."""

    @vaquero.trace
    class Base(abc.ABC):
        @abc.abstractmethod
        def run(self) -> int: ...

        @property
        @abc.abstractmethod
        def size(self) -> int: ...

        def template(self) -> int:
            return self.run()

    @vaquero.trace
    class Real(Base):
        def run(self) -> int:
            return 1

        @property
        def size(self) -> int:
            return 1

    with pytest.raises(TypeError, match="abstract"):
        Base()  # type: ignore[abstract]
    assert Base.__abstractmethods__ == {"run", "size"}
    assert getattr(Base.run, "__isabstractmethod__", False)
    assert Real().template() == 1
    assert spans.names() == ["Real.run", "Base.template"]


def test_init_subclass_and_class_getitem(spans: Spans, silence: None) -> None:
    """Hooks of the class body keep working, with their keywords."""
    seen: list[Any] = []

    @vaquero.trace
    class Base(typing.Generic[typing.TypeVar("T")]):  # type: ignore[misc]
        def __init_subclass__(cls, flag: bool = False, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            seen.append((cls.__name__, flag))

        def run(self) -> None:
            pass

    class Child(Base[int], flag=True):  # type: ignore[misc]
        pass

    Child().run()

    assert seen == [("Child", True)]
    assert spans.names() == ["Base.run"]


def test_enumerations(spans: Spans, silence: None) -> None:
    """Members, lookup and iteration of an Enum stay; its methods are traced."""

    @vaquero.trace
    class Colour(enum.Enum):
        RED = 1

        def shout(self) -> str:
            return self.name

    assert Colour(1) is Colour.RED
    assert list(Colour) == [Colour.RED]
    assert Colour.RED.shout() == "RED"
    assert spans.names() == ["Colour.shout"]


def test_named_tuples_typed_dicts_and_protocols(spans: Spans, silence: None) -> None:
    """Kinds of classes with machinery of their own are not harmed."""

    @vaquero.trace
    class Pair(NamedTuple):
        a: int
        b: int = 2

        def total(self) -> int:
            return self.a + self.b

    @vaquero.trace
    class Options(typing.TypedDict):
        a: int

    @vaquero.trace
    @typing.runtime_checkable
    class Runs(Protocol):
        def run(self) -> int: ...

    class Real:
        def run(self) -> int:
            return 1

    @vaquero.trace
    class Explicit(Runs):
        def run(self) -> int:
            return 2

    assert Pair(1).total() == 3
    assert Pair(1)._replace(b=5) == (1, 5)
    assert Options(a=1) == {"a": 1}
    assert isinstance(Real(), Runs)
    assert Explicit().run() == 2
    assert spans.names() == ["Pair.total", "Explicit.run"]


def test_exceptions_and_metaclasses(spans: Spans, silence: None) -> None:
    """Exception classes and classes with a metaclass are traced like others."""

    @vaquero.trace
    class Failure(Exception):
        def explain(self) -> str:
            return "why"

    class Meta(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            return super().__call__(*args, **kwargs)

    @vaquero.trace
    class Service(metaclass=Meta):
        def run(self) -> None:
            pass

    assert Failure("x").explain() == "why"
    Service().run()
    assert spans.names() == ["Failure.explain", "Service.run"]


def test_a_class_that_refuses_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """Where a metaclass forbids changes the class works on untraced, and that is said."""

    class Frozen(type):
        def __setattr__(cls, name: str, value: Any) -> None:
            raise AttributeError("frozen")

    @vaquero.trace
    class Service(metaclass=Frozen):
        def run(self) -> int:
            return 1

    assert Service().run() == 1
    assert "cannot be traced, its class refuses the change" in caplog.text


def test_pydantic_models(spans: Spans, silence: None) -> None:
    """A model validates and serialises as before; its own public methods are traced."""
    pydantic = pytest.importorskip("pydantic")

    @vaquero.trace
    class User(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        name: str
        age: int = 3

        @pydantic.field_validator("name")
        @classmethod
        def tidy(cls, value: str) -> str:
            return value.strip()

        @pydantic.model_validator(mode="after")
        def check(self) -> Any:
            return self

        @pydantic.computed_field
        def twice(self) -> int:
            return self.age * 2

        def greet(self) -> str:
            return f"hi {self.name}"

    user = User(name=" a ")
    assert user.name == "a"
    assert user.model_dump() == {"name": "a", "age": 3, "twice": 6}
    assert User.model_validate_json('{"name": "b"}').greet() == "hi b"
    with pytest.raises(pydantic.ValidationError):
        User(name=[])
    assert spans.names() == ["User.greet"]
