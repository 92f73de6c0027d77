//! Where servers listen, and how one hands its socket to the next.

use std::net::TcpStream;

use tapline_config::Transport;
use tapline_net::listen::Listener;

async fn bind(endpoint: &str) -> Result<Listener, String> {
    Listener::bind(Transport::Tcp, endpoint)
        .await
        .map_err(|error| error.to_string())
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("there are ports");
    probe.local_addr().expect("is bound").port()
}

#[tokio::test]
async fn an_address_in_use_is_said_so() {
    let listener = bind("127.0.0.1:0").await.expect("the kernel has a port");
    let endpoint = listener.endpoint();
    assert_eq!(
        bind(endpoint).await.expect_err("is taken"),
        format!("cannot listen on {endpoint}: address in use")
    );
}

#[tokio::test]
async fn a_socket_that_is_handed_over_refuses_nobody() {
    let endpoint = format!("127.0.0.1:{}", free_port());
    drop(bind(&endpoint).await.expect("is free"));
    // Nobody accepts at this moment, and still the kernel does.
    let early = TcpStream::connect(&endpoint).expect("is parked");
    let _next = bind(&endpoint).await.expect("takes the parked socket");
    assert!(bind(&endpoint).await.is_err(), "it is active now");
    drop(early);
}

#[tokio::test]
async fn a_parked_socket_does_not_stand_in_the_way() {
    let port = free_port();
    drop(bind(&format!("127.0.0.1:{port}")).await.expect("is free"));
    let everywhere = bind(&format!(":{port}")).await;
    assert!(everywhere.is_ok(), "{everywhere:?}");
}

#[tokio::test]
async fn unix_sockets_replace_what_is_stale_and_nothing_else() {
    let directory = std::env::temp_dir().join(format!("tapline-listen-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("temporary files can be made");
    let path = directory.join("otlp.sock");
    let endpoint = path.to_str().expect("is text");
    let unix = async || {
        Listener::bind(Transport::Unix, endpoint)
            .await
            .map_err(|error| error.to_string())
    };
    drop(std::os::unix::net::UnixListener::bind(&path).expect("is free"));
    let listener = unix().await.expect("the stale file is replaced");
    let message = unix().await.expect_err("is active");
    assert_eq!(
        message,
        format!("cannot listen on {endpoint}: address in use")
    );
    drop(listener);
    drop(unix().await.expect("takes the parked socket"));
    tapline_net::listen::close_parked();
    assert!(!path.exists(), "closing for good removes the file");
    std::fs::write(&path, "precious").expect("is writable");
    let message = unix().await.expect_err("is a file");
    assert!(
        message.ends_with("a file that is no socket is in the way"),
        "{message}"
    );
    std::fs::remove_dir_all(&directory).expect("is ours");
}
