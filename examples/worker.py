"""An asyncio worker: jobs run at the same time, each with a trace of its own."""

from __future__ import annotations

import asyncio

import vaquero


@vaquero.trace(agent_name="resizer")
class Resizer:
    """Makes pictures smaller."""

    async def resize(self, name: str) -> str:
        """One picture.

        Raises:
            ValueError: It is no picture.
        """
        with vaquero.span("read", picture=name):
            await asyncio.sleep(0.01)
        if name.endswith(".txt"):
            raise ValueError(f"{name} is no picture")
        async with vaquero.span("write", picture=name):
            await asyncio.sleep(0.02)
        return f"small-{name}"


async def main() -> None:
    """Work through a list; one bad job does not stop the others."""
    resizer = Resizer()
    jobs = [resizer.resize(name) for name in ("a.png", "b.png", "notes.txt", "c.png")]
    for result in await asyncio.gather(*jobs, return_exceptions=True):
        print(result)


if __name__ == "__main__":
    asyncio.run(main())
