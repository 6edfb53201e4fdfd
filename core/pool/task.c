#include "core/pool/task.h"

#include <stdlib.h>
#include <string.h>

#include "core/os/sys.h"

Task *task_new(uint64_t id, const void *bytes, size_t size) {
    Task *task = sys.realloc(NULL, sizeof *task + size);
    if (!task) return NULL;
    *task = (Task){.id = id, .worker = -1, .items = 1, .size = size};
    if (size) memcpy(task->bytes, bytes, size);
    return task;
}

void task_free(Task *task) {
    if (!task) return;
    bundle_drop(task->bundle);
    bulk_drop(task->bulk);
    free(task);
}

void task_queue_push(TaskQueue *queue, Task *task) {
    task->next = NULL;
    if (queue->last)
        queue->last->next = task;
    else
        queue->first = task;
    queue->last = task;
    queue->count++;
}

Task *task_queue_pop(TaskQueue *queue) {
    Task *task = queue->first;
    if (!task) return NULL;
    queue->first = task->next;
    if (!queue->first) queue->last = NULL;
    queue->count--;
    return task;
}

void task_queue_push_front(TaskQueue *queue, Task *task) {
    task->next = queue->first;
    queue->first = task;
    if (!queue->last) queue->last = task;
    queue->count++;
}

Task *task_queue_pop_last(TaskQueue *queue) {
    Task *task = queue->last, *before = queue->first;
    if (queue->count < 2) return task_queue_pop(queue);
    while (before->next != task) before = before->next;
    before->next = NULL;
    queue->last = before;
    queue->count--;
    return task;
}

Task *task_queue_take(TaskQueue *queue, uint64_t id) {
    Task *before = NULL, *task = queue->first;
    while (task && task->id != id) before = task, task = task->next;
    if (!task || !before) return task ? task_queue_pop(queue) : NULL;
    before->next = task->next;
    if (queue->last == task) queue->last = before;
    queue->count--;
    return task;
}

Task *task_queue_find(const TaskQueue *queue, uint64_t id) {
    Task *task = queue->first;
    while (task && task->id != id) task = task->next;
    return task;
}

size_t task_queue_common(const TaskQueue *queue) {
    size_t count = 0;
    for (const Task *task = queue->first; task; task = task->next) count += task->worker == -1;
    return count;
}

void task_queue_free(TaskQueue *queue) {
    for (Task *task; (task = task_queue_pop(queue)) != NULL;) task_free(task);
}
