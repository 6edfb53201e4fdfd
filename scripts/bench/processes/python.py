# One work of the benchmark of processes, pipes and queues with Python's multiprocessing:
#
#    python3 python.py WORK
import multiprocessing
import os
import sys

sys.path.append(os.path.dirname(sys.path[0]))
sys.dont_write_bytecode = True
from work import beside, seconds


def nothing():
    pass


def start():
    n = 100

    def run():
        for _ in range(n):
            beside(nothing).join()

    return seconds(run) / n * 1e3


def echo(there, n):
    for _ in range(n):
        there.send(there.recv())


def pipe():
    n = 20000
    here, there = multiprocessing.Pipe()
    other = beside(echo, there, n)

    def run():
        for i in range(n):
            here.send(i)
            assert here.recv() == i

    figure = seconds(run) / n * 1e6
    other.join()
    return figure


def queue():
    n = 20000
    items = multiprocessing.Queue()

    def run():
        for i in range(n):
            items.put(i)
            items.get()

    return seconds(run) / n * 1e6


def put(items, n):
    for i in range(1, n + 1):
        items.put(i)


def across():
    n = 200000
    items = multiprocessing.Queue()
    putter = beside(put, items, n)
    assert items.get() == 1
    figure = (n - 1) / seconds(lambda: [items.get() for _ in range(n - 1)])
    putter.join()
    return figure


print({"start": start, "pipe": pipe, "queue": queue, "across": across}[sys.argv[1]]())
