/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * No event is left out on kernels where a tracepoint may lose its CPU in the middle (7.0).
 *
 * A kernel runs a program once at a time on a CPU. If a thread has to wait while it is in one, and
 * another thread comes to the same tracepoint on that CPU, the program is left out for it, and only
 * the kernel counts that. So a second program stands behind the first: a thread that was in the
 * first one bears a mark, and without the mark the second one does the work. It is left out itself
 * only when a thread waits in each of them.
 */
#ifndef TAPLINE_AGAIN_H
#define TAPLINE_AGAIN_H

#include "maps.h"

enum noticed { NOTICED_SENT = 1, NOTICED_RECEIVED = 2 };

/* Lives in the thread and dies with it. */
struct mark {
    u32 noticed;
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_TASK_STORAGE);
    MAP_UINT(map_flags, BPF_F_NO_PREALLOC);
    MAP_TYPE(key, int);
    MAP_TYPE(value, struct mark);
} marks SEC(".maps");

/* For the first program: whether it shall do the work. Without a mark it must not: the second one
 * would do it again. */
INLINE bool runs_first(enum noticed what)
{
    if (!(kernel_has & HOOKS_MAY_WAIT))
        return true;
    struct mark *mark = bpf_task_storage_get(&marks, bpf_get_current_task_btf(), NULL,
                                             BPF_SK_STORAGE_GET_F_CREATE);
    if (!mark)
        return false;
    mark->noticed |= what;
    return true;
}

/* For the second: whether the first has done the work. */
INLINE bool ran_first(enum noticed what)
{
    struct mark *mark = bpf_task_storage_get(&marks, bpf_get_current_task_btf(), NULL, 0);

    if (!mark || !(mark->noticed & what))
        return false;
    mark->noticed &= ~what;
    return true;
}

#endif
