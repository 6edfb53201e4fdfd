#include "core/pool/orders.h"

static bool is_about(OrderSlot *order, uint64_t task, uint64_t item) {
    if (atomic_load_explicit(&order->task, memory_order_acquire) != task) return false;
    uint64_t condemned = atomic_load_explicit(&order->item, memory_order_relaxed);
    return condemned == item || condemned == ORDERS_WHOLE_TASK;
}

static OrderSlot *find(Orders *orders, uint64_t task) {
    for (int i = 0; i < ORDERS_MOST; i++)
        if (orders->slots[i].task == task) return &orders->slots[i];
    return NULL;
}

// Of two items the earlier has ended, whichever was named first.
static void replace(OrderSlot *order, uint64_t item) {
    if (order->item == ORDERS_WHOLE_TASK || (item != ORDERS_WHOLE_TASK && item < order->item))
        return;
    atomic_store_explicit(&order->item, item, memory_order_relaxed);
}

// The task is written last: before that, the slot is nobody's.
bool orders_add(Orders *orders, uint64_t task, uint64_t item) {
    OrderSlot *earlier = find(orders, task), *order = earlier ? earlier : find(orders, 0);
    if (earlier) replace(earlier, item);
    if (earlier || !order) return order;
    atomic_store_explicit(&order->item, item, memory_order_relaxed);
    atomic_store_explicit(&order->task, task, memory_order_release);
    atomic_fetch_add_explicit(&orders->count, 1, memory_order_release);
    return true;
}

void orders_forget(Orders *orders, uint64_t task) {
    OrderSlot *order = orders->count > 0 ? find(orders, task) : NULL;
    if (!order) return;
    order->task = 0;
    orders->count--;
}

bool orders_mention(Orders *orders, uint64_t task) {
    return orders->count > 0 && find(orders, task);
}

bool orders_condemn(Orders *orders, uint64_t task, uint64_t item) {
    if (atomic_load_explicit(&orders->count, memory_order_acquire) == 0) return false;
    for (int i = 0; i < ORDERS_MOST; i++)
        if (is_about(&orders->slots[i], task, item)) return true;
    return false;
}
