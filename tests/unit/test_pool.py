"""Threads whose results come back to an event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from worker.pool import ThreadPool


class TestThreadPool:
    def test_results_and_errors_come_back(self) -> None:
        async def main() -> list[Any]:
            pool: ThreadPool[int] = ThreadPool(3, asyncio.get_running_loop())
            futures = [pool.run(lambda n=n: 10 // n) for n in range(4)]  # type: ignore[misc]
            results = await asyncio.gather(*futures, return_exceptions=True)
            pool.close()
            return results

        error, *numbers = asyncio.run(main())

        assert isinstance(error, ZeroDivisionError)
        assert numbers == [10, 5, 3]

    def test_a_job_nobody_waits_for_is_not_begun(self) -> None:
        begun: list[int] = []

        async def main() -> None:
            pool: ThreadPool[None] = ThreadPool(1, asyncio.get_running_loop())
            gate = threading.Event()
            first = pool.run(lambda: gate.wait(5) and None)
            second = pool.run(lambda: begun.append(2))
            second.cancel()
            gate.set()
            await first
            pool.close()

        asyncio.run(main())

        assert begun == []
