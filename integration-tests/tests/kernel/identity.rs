//! Who a process is: what its environment says, and what remains when it is gone.

use tapline_integration_tests::Program;

use crate::{
    actors::{Server, curl, curl_command, script},
    daemon::Daemon,
    spans,
};

pub(crate) async fn environment_names_the_service_of_new_and_of_old_processes() {
    let mut command = script("app");
    command.env(
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=catalog,deployment.environment.name=staging,team=a%2Cb",
    );
    let server = Server::start(command).await;
    let daemon = Daemon::start().await;
    let mut command = curl_command(&[], &server.url("/a3b4-named"));
    command.env("OTEL_SERVICE_NAME", "shop");
    command.env(
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=not-me,deployment.environment.name=test",
    );
    assert_eq!(Program::run(command).await.stdout, "200 3");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a3b4-named") >= 2)
        .await;
    let asked = spans::client(&told.seen, "/a3b4-named");
    let answered = spans::server(&told.seen, "/a3b4-named");
    assert_eq!(
        (spans::service(&asked), spans::service(&answered)),
        ("shop", "catalog")
    );
    let environment = "deployment.environment.name";
    assert_eq!(asked.resource_str(environment), Some("test"));
    assert_eq!(answered.resource_str(environment), Some("staging"));
    assert_eq!(answered.resource_str("team"), Some("a,b"));
}

pub(crate) async fn processes_that_live_for_one_request_are_named() {
    const RUNS: usize = 30;
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    for run in 0..RUNS {
        let ended = curl(&[], &server.url(&format!("/a3b4-short/{run}/"))).await;
        assert_eq!(ended.stdout, "200 3");
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a3b4-short") >= 2 * RUNS)
        .await;
    for run in 0..RUNS {
        let asked = spans::client(&told.seen, &format!("/a3b4-short/{run}/"));
        assert_eq!(
            spans::service(&asked),
            "curl",
            "{}",
            spans::describe(&asked)
        );
        let path = asked
            .resource_str("process.executable.path")
            .unwrap_or_default();
        assert!(
            path.starts_with('/') && path.ends_with("/curl"),
            "run {run}: {path:?}"
        );
    }
    assert_eq!(spans::servers(&told.seen, "/a3b4-short").len(), RUNS);
}
