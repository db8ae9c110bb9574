import asyncio
import sys

from shop.store import Store, buffers, fib, gather


def main(size):
    store = Store(size)
    index = store.build()
    held = buffers(24)
    fib(24)
    for _ in range(4):
        store.sort()
    asyncio.run(gather(store))
    return len(index), len(held)


if __name__ == "__main__":
    print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 120_000))
