"""A small program that takes time and memory in known places."""

import asyncio


class Store:
    """Rows, and an index of them."""

    def __init__(self, size):
        self.rows = [(number * 7919 % size, str(number)) for number in range(size)]

    def build(self):
        """An index: memory."""
        index = {}
        for key, text in self.rows:
            index.setdefault(key % 1009, []).append(text * 4)
        return index

    def sort(self):
        """Time, half of it in a callee."""
        ordered = sorted(self.rows, key=lambda row: (row[1], row[0]))
        return total(ordered)


def total(rows):
    """Time in a loop."""
    found = 0
    for key, text in rows:
        found += key * len(text) % 13
    return found


def fib(n):
    """Recursion."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def buffers(count):
    """Memory in one go."""
    return [bytearray(1 << 20) for _ in range(count)]


async def fetch(store):
    """A coroutine that waits and works."""
    await asyncio.sleep(0.01)
    return store.sort()


async def gather(store):
    return await asyncio.gather(fetch(store), fetch(store))
