//! The daemon on a real kernel: real programs talk, and a backend must hear of it.
//!
//! Where the kernel cannot be tapped, or a program is missing, a test is skipped and says why; with
//! `TAPLINE_REQUIRE_BPF=1` that is a failure; with `TAPLINE_REQUIRE_CLIENTS=1` a missing program is
//! one. An argument chooses tests by a part of their name.
#![expect(clippy::print_stdout, reason = "a test program speaks to a person")]

mod actors;
mod amqp;
mod cassandra;
mod containers;
mod daemon;
mod dns;
mod doctor;
mod durations;
mod edges;
mod failures;
mod fastcgi;
mod first_light;
mod flood;
mod governed;
mod grpc;
mod hands;
mod harness;
mod http2;
mod identity;
mod judge;
mod keep_alive;
mod lifecycle;
mod memcached;
mod messaging;
mod mongodb;
mod mysql;
mod needs;
mod nginx;
mod over_http;
mod packages;
mod postgres;
mod privacy;
mod propagators;
mod proxy;
mod redis;
mod routes;
mod servers;
mod spans;
mod streams;
mod targets;
mod threads;
mod tls;
mod tls_actors;
mod tls_carried;
mod tls_files;
mod tls_go;
mod tls_go_new;
mod tls_rust;
mod trace_context;
mod urings;
mod ways;
mod web;
mod websocket;

use std::process::ExitCode;

use harness::{Need, Test, test};
use needs::{curl, gcc, ipv6, nginx, node, python, root, tap};

/// Names a test after its function.
macro_rules! tests {
    ($($needs:expr => $module:ident :: { $($name:ident),+ $(,)? };)+) => {
        vec![$($(test(
            concat!(stringify!($module), "::", stringify!($name)),
            $needs,
            $module::$name,
        )),+),+]
    };
}

const BASIC: &[Need] = &[tap, python, curl];

fn main() -> ExitCode {
    let mut tests = requests();
    tests.extend(calls());
    tests.extend(sockets());
    tests.extend(streams());
    tests.extend(databases());
    tests.extend(encrypted());
    tests.extend(brokers());
    tests.extend(the_daemon());
    harness::main(tests)
}

/// What is told about requests.
fn requests() -> Vec<Test> {
    tests! {
        BASIC => first_light::{
            curl_asks_http_server,
            bodies_are_counted_to_the_byte,
            times_are_those_of_the_system_calls,
        };
        &[tap, python, curl, ipv6] => first_light::{addresses_of_ipv6_are_written_as_people_do};
        BASIC => trace_context::{
            sampled_header_is_continued,
            unsampled_header_is_continued_and_stays_unsampled,
            without_header_every_request_begins_a_trace,
        };
        &[tap, python, propagators::programs] => propagators::{
            headers_of_every_tracer_are_continued_on_both_sides,
            only_propagators_of_the_list_are_believed_in_its_order,
        };
        &[tap, python, curl, nginx] => proxy::{
            asks_the_upstream_as_a_child_of_what_it_was_asked,
            keeps_children_apart_on_a_kept_upstream_connection,
            passes_the_header_on_and_all_four_spans_share_its_trace,
        };
        &[tap, curl, nginx] => proxy::{files_sent_by_the_kernel_are_counted_too};
        &[tap, python, websocket::programs] => websocket::{
            messages_are_counted_on_both_sides_and_not_read,
        };
        &[tap, root, curl, nginx, needs::php_fpm] => fastcgi::{
            requests_over_tcp_and_over_a_unix_socket_are_told_by_both_sides,
        };
        &[tap, python, node] => keep_alive::{
            ten_requests_on_one_connection_are_ten_spans,
            every_shape_of_message_is_understood,
        };
        &[tap, node] => keep_alive::{pipelined_requests_are_told_apart};
        BASIC => keep_alive::{interim_answer_is_not_the_answer};
        &[tap, python] => keep_alive::{
            a_connection_from_before_the_daemon_is_seen_at_both_ends,
        };
        BASIC => threads::{concurrent_requests_each_have_their_own_child};
        &[tap, python, curl, node] => threads::{
            with_two_requests_open_on_one_thread_nothing_is_guessed,
        };
        BASIC => failures::{
            refused_connect_is_a_log_record,
            server_that_hangs_up_is_an_error_on_both_sides,
            server_that_resets_is_an_error_on_both_sides,
            client_that_gives_up_is_an_error_on_both_sides,
            bytes_that_are_no_text_neither_break_the_export_nor_make_a_query,
        };
    }
}

/// What is told of HTTP/2, and of calls on it.
fn calls() -> Vec<Test> {
    tests! {
        &[tap, curl, nginx] => http2::{requests_of_real_programs_are_told_by_both_sides};
        &[tap, nginx, needs::h2load] => http2::{many_streams_at_once_lose_nothing};
        &[tap, node] => http2::{all_that_may_happen_to_a_stream_is_told};
        &[tap, python, grpc::grpcio] => grpc::{
            every_kind_of_call_is_told_by_both_sides_and_no_message,
            fifty_calls_at_once_on_one_connection_are_told_apart,
            a_connection_from_before_the_daemon_is_told_as_far_as_it_is_known,
        };
    }
}

/// What sockets do at their edges.
fn sockets() -> Vec<Test> {
    tests! {
        &[tap] => edges::{
            head_read_byte_by_byte_is_understood,
            answer_read_after_the_reset_is_still_an_answer,
            answer_read_after_a_half_close_is_still_an_answer,
            request_behind_a_proxy_preamble_is_understood,
        };
        &[tap, gcc, needs::every_sending_call] => ways::{
            every_call_that_writes_is_told_to_the_byte,
        };
        &[tap, gcc, needs::noticed_as_calls_end] => ways::{
            every_call_that_is_read_as_it_ends_is_told_to_the_byte,
        };
        &[tap, gcc, needs::every_call] => ways::{every_call_that_reads_is_told_to_the_byte};
        &[tap, gcc, needs::io_uring, needs::every_call] => urings::{
            every_request_that_moves_bytes_is_told_to_the_byte,
        };
        &[tap, needs::dns, needs::udp] => dns::{a_query_without_an_answer_is_a_timeout};
        &[tap, needs::dns, needs::udp, ipv6] => dns::{
            queries_over_udp_and_tcp_are_told_by_both_sides,
        };
        &[tap, needs::dns, needs::udp, python] => dns::{
            the_resolver_of_glibc_is_told_with_both_its_queries,
        };
        &[tap, python, gcc] => hands::{
            a_child_answers_on_what_its_parent_accepted,
            a_process_answers_on_what_it_was_passed,
            a_program_answers_on_what_was_accepted_before_it_began,
            threads_share_a_connection,
        };
        &[tap, gcc, ipv6, needs::unix_sockets, needs::every_sending_call] => ways::{
            sockets_of_every_kind_are_told_to_the_byte,
        };
        &[tap, needs::unix_sockets] => edges::{request_over_a_unix_socket_is_understood};
    }
}

/// What is told of connections that nobody can read.
fn streams() -> Vec<Test> {
    tests! {
        &[tap, python] => streams::{
            an_unknown_protocol_is_measured_by_port_and_makes_no_spans,
            a_rush_of_an_unknown_protocol_is_counted_to_the_last_exchange,
            an_unknown_protocol_makes_spans_when_asked_for,
            whoever_greets_first_is_no_client,
            a_stream_without_answers_is_bytes_and_no_exchange,
            tls_tells_who_is_asked_for_and_how_long_it_takes,
        };
        &[tap, python] => flood::{what_is_told_and_what_is_lost_are_all_there_was};
        &[tap, python] => governed::{what_is_told_of_a_saturated_machine_counts_for_what_is_let_go};
    }
}

/// What is told about operations on databases.
fn databases() -> Vec<Test> {
    tests! {
        &[tap, needs::redis] => redis::{
            every_command_is_told_by_both_sides_and_no_value,
            pipelines_are_told_apart_to_the_last_command,
            messages_and_pushes_are_no_answers,
            large_values_are_passed_over,
            a_connection_from_before_the_daemon_is_understood,
        };
        &[tap, needs::redis, needs::unix_sockets] => redis::{commands_over_a_unix_socket_are_told};
        &[tap, python, node, needs::memcached, memcached::clients] => memcached::{
            every_text_command_is_told_by_both_sides_and_no_key,
            binary_operations_are_told_by_both_sides,
            a_connection_from_before_the_daemon_is_understood,
        };
        &[tap, python, mongodb::clients] => mongodb::{
            every_command_is_told_by_both_sides_however_it_is_compressed,
        };
        &[tap, python, cassandra::clients] => cassandra::{
            every_request_is_told_by_both_sides_in_every_version_and_no_value,
        };
        &[tap, needs::unix_sockets, python, node, needs::mariadb, mysql::clients] => mysql::{
            every_command_of_every_client_is_told_by_both_sides_and_no_literal,
            a_connection_from_before_the_daemon_is_understood,
        };
        &[tap, needs::postgres] => postgres::{
            every_statement_is_told_by_both_sides_and_no_literal,
            every_way_to_ask_is_told_to_the_last_statement,
            a_connection_from_before_the_daemon_is_understood,
        };
    }
}

/// What is told about requests that are encrypted on the wire.
fn encrypted() -> Vec<Test> {
    tests! {
        &[tap, needs::tls, curl, nginx, needs::openssl, needs::wget] => tls::{
            openssl_and_gnutls_are_told_as_if_nothing_were_encrypted,
        };
        &[tap, needs::tls, python, needs::openssl] => tls::{
            kept_connections_are_told_request_by_request,
            a_connection_from_before_the_daemon_is_read_from_then_on,
            only_targets_are_probed,
            switched_off_nothing_is_probed,
            nobody_notices_that_probes_come_and_go,
        };
        &[tap, needs::tls, python, needs::openssl] => tls_carried::{
            fifty_connections_of_asyncio_on_one_thread_are_told_apart,
        };
        &[tap, needs::tls, node, needs::openssl] => tls_carried::{
            fifty_connections_of_node_on_one_thread_are_told_apart,
        };
        &[tap, needs::tls, needs::openssl, tls_rust::built] => tls_rust::{
            every_way_to_use_it_is_told_connection_by_connection,
            without_symbols_it_is_told_as_what_nobody_can_read,
        };
        &[tap, needs::tls, python, needs::openssl, tls_go_new::built] => tls_go_new::{
            both_versions_of_http_are_told_by_both_sides,
        };
        &[tap, needs::tls, curl, node, needs::openssl, tls_go_new::esbuild] => tls_go_new::{
            a_program_without_any_note_of_go_is_told,
        };
        &[tap, needs::tls, python, needs::openssl] => tls_files::{
            one_that_was_replaced_since_its_program_began_is_read,
        };
        &[tap, needs::tls, root, python, needs::openssl] => tls_files::{
            one_that_only_a_container_has_is_read,
        };
        &[tap, needs::tls, python, needs::openssl, tls_files::curl_cffi] => tls_files::{
            boringssl_in_a_file_with_another_name_is_found_when_it_speaks,
        };
        &[tap, python, over_http::packages] => over_http::{
            calls_of_models_are_told_with_their_tokens_and_no_word,
            searches_are_operations_of_a_database_on_both_sides,
            operations_of_graphql_are_told_by_kind_and_name,
        };
        &[tap, needs::tls, python, needs::openssl, web::packages] => web::{
            gunicorn_of_one_thread_is_told_by_both_sides,
            gunicorn_of_many_threads_is_told_by_both_sides,
            uvicorn_is_told_by_both_sides,
            aiohttp_is_told_by_both_sides,
        };
        &[tap, needs::tls, needs::openssl, tls_go::built] => tls_go::{
            a_stripped_server_and_its_client_are_told_goroutine_by_goroutine,
        };
    }
}

/// What is told about messages.
fn brokers() -> Vec<Test> {
    tests! {
        &[tap, python, needs::nats, messaging::clients] => messaging::{
            nats_is_told_by_both_sides,
            nats_is_told_from_before_the_daemon,
        };
        &[tap, python, needs::mosquitto, messaging::clients] => messaging::{
            mqtt_of_both_versions_is_told_by_both_sides,
        };
        &[tap, python, messaging::clients] => messaging::{kafka_is_told_by_both_sides};
        &[tap, python, needs::rabbitmq, amqp::clients] => amqp::{
            publications_deliveries_and_errors_are_told_by_both_sides,
        };
    }
}

/// What it tells about processes and itself, what it does not, and how it begins and ends.
fn the_daemon() -> Vec<Test> {
    tests! {
        BASIC => identity::{
            environment_names_the_service_of_new_and_of_old_processes,
            processes_that_live_for_one_request_are_named,
            another_program_in_the_same_process_has_another_name,
        };
        &[tap, root, python, curl, needs::control_groups] => containers::{
            a_group_of_a_container_names_it_and_can_be_chosen,
        };
        &[tap, curl, servers::packages] => servers::{are_named_by_what_they_run};
        &[tap, node] => identity::{a_package_names_the_service};
        &[tap, curl, needs::busybox] => identity::{an_applet_is_named_by_what_it_was_called};
        &[tap, curl, node] => routes::{many_ids_are_one_route};
        BASIC => routes::{routes_that_are_written_down_come_first};
        BASIC => privacy::{
            values_of_a_query_never_leave,
            own_exports_are_not_told,
            no_secret_of_any_kind_leaves,
            what_is_asked_for_is_told_and_nothing_else,
        };
        &[tap, needs::redis] => privacy::{no_value_of_redis_leaves};
        &[tap, python] => durations::{both_sides_count_every_request};
        &[tap] => durations::{loss_is_told_and_is_zero};
        BASIC => targets::{
            included_port_is_told_and_no_other,
            excluded_executable_is_not_told,
            included_service_is_told_and_no_other,
            included_pid_is_told_and_no_other,
            a_process_that_listens_on_an_open_port_is_told_with_what_it_asks,
            what_a_chosen_process_starts_is_told_too,
            a_language_and_a_command_line_choose,
            an_entry_says_how_its_target_is_told,
            agents_are_left_out_unless_they_are_wanted,
            a_reload_changes_who_is_told_and_keeps_connections,
        };
        &[tap, root, python, curl] => targets::{a_process_that_hides_its_memory_is_left_out};
        &[tap, python] => lifecycle::{sigterm_loses_nothing_that_was_finished};
        &[tap] => lifecycle::{every_thread_has_given_up_what_loading_needed};
        BASIC => lifecycle::{
            sigterm_drains_what_processors_hold_and_the_grpc_exporter_sends_it,
            built_in_configuration_shows_a_line_per_request,
        };
        &[tap] => doctor::{says_that_capture_works_where_it_does};
        &[root, tap] => doctor::{says_what_root_would_add_to_somebody_without_rights};
        &[root] => lifecycle::{without_privilege_it_says_what_is_missing};
        &[tap, python, curl, judge::official_packages] => judge::{
            official_decoder_understands_every_signal,
        };
    }
}
