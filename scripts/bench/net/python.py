# One work of the benchmark of managers and connections with Python's multiprocessing:
#
#    python3 python.py WORK
import multiprocessing
import os
import sys
from multiprocessing.connection import Client, Listener

sys.path.append(os.path.dirname(sys.path[0]))
sys.dont_write_bytecode = True
from work import beside, seconds

PATH = "bench-socket-python"
CLIENTS = 4


def set_():
    n = 5000
    with multiprocessing.Manager() as manager:
        numbers = manager.dict({"k": 0})

        def run():
            for i in range(n):
                numbers["k"] = i

        return seconds(run) / n * 1e6


def fill(numbers, gate, client, n):
    numbers[client] = 0
    gate.wait()
    for i in range(n):
        numbers[client] = i


def sets():
    n = 5000
    gate = multiprocessing.Barrier(CLIENTS + 1)
    with multiprocessing.Manager() as manager:
        numbers = manager.dict()
        clients = [beside(fill, numbers, gate, client, n) for client in range(CLIENTS)]
        gate.wait()
        return CLIENTS * n / seconds(lambda: [client.join() for client in clients])


def echo(key, n):
    with Client(PATH, authkey=key) as there:
        for _ in range(n):
            there.send(there.recv())


def round_trip(key):
    n = 20000
    with Listener(PATH, authkey=key) as listener:
        other = beside(echo, key, n)
        with listener.accept() as here:

            def run():
                for i in range(n):
                    here.send(i)
                    assert here.recv() == i

            figure = seconds(run) / n * 1e6
            other.join()
            return figure


def connect_often(n):
    for _ in range(n):
        Client(PATH, authkey=b"key").close()


def connect():
    n = 500
    with Listener(PATH, authkey=b"key") as listener:
        guests = beside(connect_often, n)
        listener.accept().close()
        figure = seconds(lambda: [listener.accept().close() for _ in range(n - 1)]) / (n - 1) * 1e6
        guests.join()
        return figure


if os.path.exists(PATH):
    os.remove(PATH)
WORKS = {
    "set": set_,
    "sets": sets,
    "pipe": lambda: round_trip(b"key"),
    "plain": lambda: round_trip(None),
    "connect": connect,
}
print(WORKS[sys.argv[1]]())
