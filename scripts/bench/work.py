# What the works of the benchmarks have in common.
import multiprocessing
import time


def seconds(f):
    began = time.perf_counter()
    f()
    return time.perf_counter() - began


def beside(f, *arguments):
    process = multiprocessing.Process(target=f, args=arguments)
    process.start()
    return process
