# One work of the pool's benchmark with Python: pool (multiprocessing) or executor (concurrent.futures).
#
#    python3 python.py pool|executor WORK
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor


def same(x):
    return x


def square(x):
    return x * x


def seconds(f):
    began = time.perf_counter()
    f()
    return time.perf_counter() - began


class Pool:
    def __init__(self, workers):
        self.pool = multiprocessing.Pool(workers)

    def submit(self, f, x):
        return self.pool.apply_async(f, (x,))

    def get(self, result):
        return result.get()

    def map(self, f, items):
        return self.pool.map(f, items)

    def pids(self):
        return [process.pid for process in multiprocessing.active_children()]

    def close(self):
        self.pool.close()
        self.pool.join()


class Executor:
    def __init__(self, workers):
        self.pool = ProcessPoolExecutor(workers)

    def submit(self, f, x):
        return self.pool.submit(f, x)

    def get(self, result):
        return result.result()

    def map(self, f, items):
        return list(self.pool.map(f, items, chunksize=1000))  # its default of 1 takes minutes

    def pids(self):
        return list(self.pool._processes)

    def close(self):
        self.pool.shutdown()


def submit(make):
    n = 20000
    pool = make(2)
    pool.get(pool.submit(same, 1))

    def run():
        results = [pool.submit(same, i) for i in range(n)]
        for i in range(n):
            assert pool.get(results[i]) == i

    figure = n / seconds(run)
    pool.close()
    return figure


def map_(make):
    items = list(range(1, 1000001))
    pool = make(2)
    pool.get(pool.submit(same, 1))
    figure = len(items) / seconds(lambda: pool.map(square, items))
    pool.close()
    return figure


def apply(make):
    n = 3000
    pool = make(2)
    pool.get(pool.submit(same, 1))

    def run():
        for i in range(n):
            pool.get(pool.submit(same, i))

    figure = seconds(run) / n * 1e6
    pool.close()
    return figure


def there_and_back(make, value):
    pool = make(1)
    times = sorted(seconds(lambda: pool.get(pool.submit(same, value))) for _ in range(7))
    pool.close()
    return times[3]


def list_of_records():
    return [{"id": i, "name": "user%d" % i, "score": i / 2} for i in range(100000)]


def records(make):
    return 100000 / there_and_back(make, list_of_records())


def large(make):
    return 2 * 64 / 1024 / there_and_back(make, "x" * (64 << 20))


LIST = None


def total(worker):
    return sum(record["score"] for record in LIST[worker::2])


def inherit(make):
    global LIST
    LIST = list_of_records()

    def run():
        pool = make(2)
        pool.map(total, [0, 1])
        pool.close()

    return seconds(run) * 1e3


def open_(make):
    def run():
        for _ in range(20):
            pool = make(2)
            pool.get(pool.submit(same, 1)) if make is Executor else None  # else it starts nobody
            pool.close()

    return seconds(run) / 20 * 1e3


def private(pid):
    with open("/proc/%d/smaps_rollup" % pid) as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def idle(make):
    pool = make(2)
    pool.map(same, range(100))
    figure = private(pool.pids()[0])
    pool.close()
    return figure


WORKS = {"submit": submit, "map": map_, "apply": apply, "records": records, "large": large,
         "inherit": inherit, "open": open_, "idle": idle}
print(WORKS[sys.argv[2]]({"pool": Pool, "executor": Executor}[sys.argv[1]]))
