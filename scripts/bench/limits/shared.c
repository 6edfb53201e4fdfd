/* The limits of the benchmark of shared memory: the same in C, in one process.
 *
 *     shared mutex   nanoseconds to lock a robust mutex between processes, and unlock it
 *     shared add     nanoseconds for an atomic addition
 *     shared sum     milliseconds to add up 1e7 doubles in a plain loop
 *     shared read    the same, nanoseconds for each */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { TIMES = 10000000, ELEMENTS = 10000000 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double lock(pthread_mutex_t *mutex) {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &kind);
    double began = now();
    for (int i = 0; i < TIMES; i++) {
        pthread_mutex_lock(mutex);
        pthread_mutex_unlock(mutex);
    }
    return (now() - began) / TIMES;
}

static double add(_Atomic long *cell) {
    double began = now();
    for (int i = 0; i < TIMES; i++) atomic_fetch_add(cell, 1);
    return (now() - began) / TIMES;
}

static double read_all(double *elements) {
    for (int i = 0; i < ELEMENTS; i++) elements[i] = 0.5;
    double began = now(), sum = 0;
    for (int i = 0; i < ELEMENTS; i++) sum += elements[i];
    double each = (now() - began) / ELEMENTS;
    return sum == 0.5 * ELEMENTS ? each : -1;
}

int main(int argc, char **argv) {
    void *memory = mmap(NULL, ELEMENTS * sizeof(double), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc != 2 || memory == MAP_FAILED) return 2;
    if (strcmp(argv[1], "mutex") == 0) return printf("%f\n", lock(memory)) < 0;
    if (strcmp(argv[1], "add") == 0) return printf("%f\n", add(memory)) < 0;
    double each = read_all(memory);
    return printf("%f\n", strcmp(argv[1], "sum") == 0 ? each * ELEMENTS / 1e6 : each) < 0;
}
