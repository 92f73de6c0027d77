//! Programs that carry encrypted bytes between socket and library themselves: the socket is found
//! by what fits.

use tapline_integration_tests::Scratch;

use crate::{
    actors::Server,
    daemon::Daemon,
    spans,
    tls::run,
    tls_actors::{Plan, node_client, node_server, python_client, python_server},
};

const FIFTY: usize = 50;

pub(crate) async fn fifty_connections_of_asyncio_on_one_thread_are_told_apart() {
    let scratch = Scratch::new();
    let server = Server::start(python_server(&scratch, "asyncio")).await;
    let daemon = Daemon::start().await;
    let plan = Plan {
        connections: FIFTY,
        requests: 3,
        prefix: "a7c1-asyncio",
    };
    run(python_client(server.port, "asyncio", &plan)).await;
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a7c1-asyncio/") >= plan.spans())
        .await;
    plan.assert_told(&told.seen);
}

pub(crate) async fn fifty_connections_of_node_on_one_thread_are_told_apart() {
    let scratch = Scratch::new();
    let server = Server::start(node_server(&scratch)).await;
    let daemon = Daemon::start().await;
    let plan = Plan {
        connections: FIFTY,
        requests: 3,
        prefix: "b8d2-node",
    };
    run(node_client(server.port, &plan)).await;
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/b8d2-node/") >= plan.spans())
        .await;
    plan.assert_told(&told.seen);
}
