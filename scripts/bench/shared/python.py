# One work of the benchmark of shared memory with Python's multiprocessing:
#
#    python3 python.py WORK
import multiprocessing
import sys
import time

TIMES = 200000
ELEMENTS = 10000000


def each(times, f):
    began = time.perf_counter()
    f()
    return (time.perf_counter() - began) / times * 1e9


def mutex():
    lock = multiprocessing.Lock()

    def run():
        for _ in range(TIMES):
            lock.acquire()
            lock.release()

    return each(TIMES, run)


def add():
    value = multiprocessing.Value("q")

    def run():
        for _ in range(TIMES):
            with value.get_lock():
                value.value += 1

    return each(TIMES, run)


def array_of_numbers():
    array = multiprocessing.RawArray("d", ELEMENTS)
    memoryview(array).cast("B")[:] = b"\0\0\0\0\0\0\xe0\x3f" * ELEMENTS
    return array


def add_up(array):
    total = 0
    for i in range(ELEMENTS):
        total += array[i]
    return total


def sum_up():
    array = array_of_numbers()
    return each(1e6, lambda: sum(array))


def read():
    array = array_of_numbers()
    return each(ELEMENTS, lambda: add_up(array))


WORKS = {"mutex": mutex, "add": add, "lock": add, "sum": sum_up, "read": read}
print(WORKS[sys.argv[1]]())
