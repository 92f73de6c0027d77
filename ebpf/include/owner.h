/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Whose socket it is: whether the process that moves bytes on it is a target. */
#ifndef TAPLINE_OWNER_H
#define TAPLINE_OWNER_H

#include "maps.h"

/* Whether the owner is a target. Asked again when the socket changes hands or user space says. */
INLINE bool is_wanted(struct socket_state *state, u32 tgid, struct control *control)
{
    if (state->flags & SOCKET_OURS)
        return false;
    if (unlikely(tgid == control->self_tgid)) {
        state->flags |= SOCKET_OURS;
        return false;
    }
    if (state->owner_tgid == tgid && state->generation == control->generation)
        return !(state->flags & SOCKET_IGNORED);
    state->owner_tgid = tgid;
    state->generation = control->generation;
    if (bpf_map_lookup_elem(&ignored, &tgid))
        state->flags |= SOCKET_IGNORED;
    else
        state->flags &= ~SOCKET_IGNORED;
    return !(state->flags & SOCKET_IGNORED);
}

#endif
