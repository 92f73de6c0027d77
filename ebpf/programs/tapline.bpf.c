/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The one object: every subject in its own file, one set of maps. Compiled by `cargo xtask bpf`. */
#include "existing.bpf.c"
#include "connection.bpf.c"
#include "udp.bpf.c"
#include "io.bpf.c"
#include "flush.bpf.c"
#include "splice.bpf.c"
#include "uring.bpf.c"
#include "packet.bpf.c"
#include "syscall.bpf.c"
#include "process.bpf.c"
#include "tls.bpf.c"

/* Structs that only ring records use would be missing from BTF; the ABI test needs them all. */
const struct event_data *const volatile abi_event_data = 0;
const struct event_open *const volatile abi_event_open = 0;
const struct event_datagram *const volatile abi_event_datagram = 0;
const struct event_close *const volatile abi_event_close = 0;
const struct event_connect_failed *const volatile abi_event_connect_failed = 0;
const struct event_exec *const volatile abi_event_exec = 0;
const struct event_fork *const volatile abi_event_fork = 0;
const struct event_exchange *const volatile abi_event_exchange = 0;
const struct event_sum *const volatile abi_event_sum = 0;
const struct verdict *const volatile abi_verdict = 0;
const struct event_exit *const volatile abi_event_exit = 0;
const struct event_tls_data *const volatile abi_event_tls_data = 0;
const struct event_tls_io *const volatile abi_event_tls_io = 0;
const struct event_tls_end *const volatile abi_event_tls_end = 0;
const struct existing_socket *const volatile abi_existing_socket = 0;

/* The helpers we call are for GPL-compatible programs. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
