/* Counts what a Python program does, without changing it: bytes and blocks that it asks the
 * allocators for, line events, calls, and the depth of its stack. Built when it is first needed
 * (sandbox.py), loaded through ctypes into the measured process; links to nothing.
 *
 * Allocations are counted in the three domains of PEP 445, where tracemalloc counts too: each
 * request with its size, a realloc with the size that it asks for. Events are those of
 * sys.settrace without a Python callback for each.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static unsigned long long allocated_bytes, allocated_blocks;
static unsigned long long line_events, calls;
static long depth, deepest;

static PyMemAllocatorEx inner[3];
static const PyMemAllocatorDomain domains[3] = {PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};

/* The object allocator asks the raw one for large blocks: one request, counted once. */
static _Thread_local int inside;

/* The raw domain is used without the GIL, so the sums are atomic. */
static void count(size_t size) {
    if (inside == 1) {
        __atomic_fetch_add(&allocated_bytes, size, __ATOMIC_RELAXED);
        __atomic_fetch_add(&allocated_blocks, 1, __ATOMIC_RELAXED);
    }
}

static void *counted_malloc(void *context, size_t size) {
    PyMemAllocatorEx *base = context;
    inside++;
    count(size);
    void *block = base->malloc(base->ctx, size);
    inside--;
    return block;
}

static void *counted_calloc(void *context, size_t items, size_t size) {
    PyMemAllocatorEx *base = context;
    inside++;
    count(items * size);
    void *block = base->calloc(base->ctx, items, size);
    inside--;
    return block;
}

static void *counted_realloc(void *context, void *block, size_t size) {
    PyMemAllocatorEx *base = context;
    inside++;
    count(size);
    block = base->realloc(base->ctx, block, size);
    inside--;
    return block;
}

static void counted_free(void *context, void *block) {
    PyMemAllocatorEx *base = context;
    base->free(base->ctx, block);
}

void count_allocations(void) {
    allocated_bytes = allocated_blocks = 0;
    for (int index = 0; index < 3; index++) {
        PyMemAllocatorEx outer = {&inner[index], counted_malloc, counted_calloc, counted_realloc, counted_free};
        PyMem_GetAllocator(domains[index], &inner[index]);
        PyMem_SetAllocator(domains[index], &outer);
    }
}

void stop_counting(unsigned long long *result) {
    result[0] = allocated_bytes;
    result[1] = allocated_blocks;
    for (int index = 0; index < 3; index++)
        PyMem_SetAllocator(domains[index], &inner[index]);
}

static int on_event(PyObject *self, PyFrameObject *frame, int what, PyObject *argument) {
    if (what == PyTrace_LINE) {
        line_events += depth > 0; /* not those of the frame that switched tracing on */
    } else if (what == PyTrace_CALL) {
        calls++;
        if (++depth > deepest)
            deepest = depth;
    } else if (what == PyTrace_RETURN) {
        depth--;
    }
    return 0;
}

void trace_events(void) {
    line_events = calls = 0;
    depth = deepest = 0;
    PyEval_SetTrace(on_event, NULL);
}

void stop_tracing(unsigned long long *result) {
    PyEval_SetTrace(NULL, NULL);
    result[0] = line_events;
    result[1] = calls;
    result[2] = (unsigned long long)deepest;
}
