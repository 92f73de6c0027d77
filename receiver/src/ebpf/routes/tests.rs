//! Paths in, routes out.

use super::*;

/// Asks for one path as a service that answers it.
fn ask(routes: &mut Routes, config: &RoutesConfig, path: &str) -> String {
    let route = routes.route(("shop", Owner::Itself), path, Evidence::Exists, config);
    route.unwrap_or("-").to_owned()
}

fn routes_of(paths: impl IntoIterator<Item = String>) -> (Routes, Vec<String>) {
    let (mut routes, config) = (Routes::default(), RoutesConfig::default());
    let told: Vec<String> = paths
        .into_iter()
        .map(|path| ask(&mut routes, &config, &path))
        .collect();
    (routes, told)
}

/// The routes that a path with another value in it has, once learning is over.
fn settled(path: impl Fn(u32) -> String) -> Vec<String> {
    let (_, told) = routes_of((0..100_000).map(path));
    let mut last: Vec<String> = told[1000..].to_vec();
    last.sort();
    last.dedup();
    last
}

/// xorshift: texts that nobody wrote.
fn random(seed: u32) -> u64 {
    let mut word = u64::from(seed) + 0x9e37_79b9_7f4a_7c15;
    for _ in 0..4 {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
    }
    word
}

#[test]
fn tells_values_from_words_at_first_sight() {
    let table = include_str!("paths.txt");
    for line in table.lines().filter(|line| line.starts_with('/')) {
        let (path, route) = line.split_once(" -> ").expect("path -> route");
        let (_, told) = routes_of([path.to_owned()]);
        assert_eq!(told, [route], "{path}");
    }
}

#[test]
fn a_hundred_thousand_values_have_one_route() {
    let (low, high) = (|word: u64| word & 0xffff_ffff, |word: u64| word >> 32);
    let uuid = |n| {
        let word = random(n);
        let (a, b) = (high(word), low(word));
        format!(
            "/u/{a:08x}-{:04x}-4{:03x}-a{:03x}-{b:08x}beef/x",
            a & 0xffff,
            b & 0xfff,
            a & 0xfff
        )
    };
    assert_eq!(settled(uuid), ["/u/{id}/x"]);
    assert_eq!(settled(|n| format!("/orders/{n}")), ["/orders/{id}"]);
    assert_eq!(
        settled(|n| format!("/o/{:016x}/pay", random(n))),
        ["/o/{id}/pay"]
    );
    assert_eq!(
        settled(|n| format!("/s/name-{}", letters(random(n)))),
        ["/s/{id}"]
    );
    assert_eq!(settled(|n| format!("/{}", letters(random(n)))), ["/{id}"]);
    assert_eq!(settled(|n| format!("/m/u{n}@example.org")), ["/m/{email}"]);
    let dotted = |n| format!("/com.acme.Shop{}/get", letters(random(n)));
    assert_eq!(settled(dotted), ["/{id}/get"]);
}

/// Seven letters.
fn letters(mut word: u64) -> String {
    (0..7)
        .map(|_| {
            let letter = b'a' + u8::try_from(word % 26).expect("small");
            word /= 26;
            char::from(letter)
        })
        .collect()
}

#[test]
fn any_shape_of_path_stays_within_the_bounds() {
    let path = |n: u32| {
        let word = random(n);
        let depth = 1 + word % 9;
        let parts = (0..depth).map(|at| format!("/{}", letters(random(n * 17 + at as u32))));
        parts.collect::<String>()
    };
    let (routes, told) = routes_of((0..100_000).map(path));
    let config = RoutesConfig::default();
    assert!(routes.len() <= config.max_per_service, "{}", routes.len());
    let mut last: Vec<String> = told[90_000..].to_vec();
    last.sort();
    last.dedup();
    assert!(last.len() < 20, "{last:?}");
}

#[test]
fn a_path_changes_its_route_once_per_segment_at_most_and_never_back() {
    let (mut routes, config) = (Routes::default(), RoutesConfig::default());
    let path = "/blog/hello/comments/first";
    let mut seen = vec![ask(&mut routes, &config, path)];
    for n in 0..20_000 {
        let (a, b) = (letters(random(n)), letters(random(n + 1_000_000)));
        ask(&mut routes, &config, &format!("/blog/{a}/comments/{b}"));
        let route = ask(&mut routes, &config, path);
        if seen.last() != Some(&route) {
            seen.push(route);
        }
    }
    assert_eq!(seen.first().map(String::as_str), Some(path));
    assert_eq!(
        seen.last().map(String::as_str),
        Some("/blog/{id}/comments/{id}")
    );
    assert!(seen.len() <= 3, "{seen:?}");
}

#[test]
fn what_stands_below_a_place_of_values_is_joined() {
    let (mut routes, config) = (Routes::default(), RoutesConfig::default());
    for n in 0..200 {
        let name = letters(random(n));
        ask(&mut routes, &config, &format!("/u/{name}/orders"));
        ask(&mut routes, &config, &format!("/u/{name}/orders/{n}"));
        ask(&mut routes, &config, &format!("/u/{n}/profile"));
    }
    assert_eq!(ask(&mut routes, &config, "/u/ada/orders"), "/u/{id}/orders");
    assert_eq!(
        ask(&mut routes, &config, "/u/ada/profile"),
        "/u/{id}/profile"
    );
    assert_eq!(routes.len(), 3);
}

#[test]
fn paths_that_lead_nowhere_teach_nothing() {
    let (mut routes, config) = (Routes::default(), RoutesConfig::default());
    ask(&mut routes, &config, "/cart");
    for n in 0..10_000 {
        let path = format!("/{}.php", letters(random(n)));
        let owner = ("shop", Owner::Itself);
        let route = routes.route(owner, &path, Evidence::of_status(Some(404)), &config);
        assert_eq!(route, None);
    }
    assert_eq!(ask(&mut routes, &config, "/cart"), "/cart");
    assert_eq!(routes.len(), 1);
    let gone = routes.route(("shop", Owner::Itself), "/cart", Evidence::None, &config);
    assert_eq!(gone, Some("/cart"));
}

#[test]
fn patterns_come_first_and_may_be_all_there_is() {
    let config = |mode| RoutesConfig {
        mode,
        patterns: ["/users/{name}", "/files/**", "/a/:b/*", "/users/me"]
            .map(|text| Pattern::from(text.to_owned()))
            .to_vec(),
        ..RoutesConfig::default()
    };
    for (path, heuristic, patterns) in [
        ("/users/ada", "/users/{name}", "/users/{name}"),
        ("/users/ada/", "/users/{name}", "/users/{name}"),
        ("/users/me", "/users/{name}", "/users/{name}"),
        ("/users/ada/1", "/users/ada/{id}", "-"),
        ("/files", "/files/**", "/files/**"),
        ("/files/a/b", "/files/**", "/files/**"),
        ("/a/x/y", "/a/:b/*", "/a/:b/*"),
        ("/cart/1", "/cart/{id}", "-"),
    ] {
        let mut routes = Routes::default();
        assert_eq!(
            ask(&mut routes, &config(RouteMode::Heuristic), path),
            heuristic
        );
        assert_eq!(
            ask(&mut routes, &config(RouteMode::Patterns), path),
            patterns
        );
        assert_eq!(ask(&mut routes, &config(RouteMode::Off), path), "-");
    }
}

#[test]
fn random_hosts_do_not_multiply_what_is_learned() {
    let (mut routes, config) = (Routes::default(), RoutesConfig::default());
    for n in 0..10_000 {
        let host = format!("{}.example.org", letters(random(n)));
        let owner = ("shop", Owner::Host(&host));
        let path = format!("/v1/items/{n}");
        assert_eq!(
            routes.route(owner, &path, Evidence::Exists, &config),
            Some("/v1/items/{id}")
        );
    }
    assert_eq!(routes.len(), HOSTS_MAX + 1);
}

#[test]
fn random_services_do_not_add_up() {
    let (mut routes, config) = (Routes::default(), RoutesConfig::default());
    for n in 0..5 * SERVICES_MAX {
        let name = format!("service-{n}");
        routes.route((&name, Owner::Itself), "/a/b/c", Evidence::Exists, &config);
    }
    assert!(routes.services.len() <= SERVICES_MAX);
    let counted: usize = routes.services.values().map(Service::len).sum();
    assert_eq!(routes.nodes, counted);
}

#[test]
fn a_full_service_tells_the_overflow_route() {
    let (mut routes, config) = (
        Routes::default(),
        RoutesConfig {
            max_per_service: 10,
            ..RoutesConfig::default()
        },
    );
    let told: Vec<String> = (0..20)
        .map(|n| ask(&mut routes, &config, &format!("/{}/x", letters(random(n)))))
        .collect();
    assert!(told[..8].iter().all(|route| route != OVERFLOW), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some(OVERFLOW));
    assert_eq!(
        ask(&mut routes, &config, &format!("/{}/x", letters(random(0)))),
        told[0]
    );
    assert!(routes.overflowed > 0);
}

#[test]
fn what_is_ignored_is_said_by_pattern() {
    let config = RoutesConfig {
        ignored_patterns: vec![Pattern::from("/health/**".to_owned())],
        ..RoutesConfig::default()
    };
    assert_eq!(config.ignores("/health/live"), Some(IgnoreMode::All));
    assert_eq!(config.ignores("/healthy"), None);
}

#[test]
fn hostile_paths_do_not_panic() {
    for path in [
        "", "*", "h:443", "/", "//", "/;", "/a;b=1/c", "/%", "/é", "/{id}/x", "/.",
    ] {
        let (_, told) = routes_of([path.to_owned()]);
        assert!(
            told[0] == "-" || told[0].starts_with('/'),
            "{path}: {told:?}"
        );
    }
    let (_, told) = routes_of(["/a".repeat(5000), "/".repeat(5000)]);
    assert_eq!(
        told,
        [format!("{}/{{id}}", "/a".repeat(16)), "/".to_owned()]
    );
}

/// `cargo test --release -p tapline-receiver --lib cost_of_a_path -- --ignored --nocapture`
#[test]
#[ignore = "a benchmark: needs --release and a quiet machine"]
#[expect(clippy::print_stdout, reason = "a number for a person")]
fn cost_of_a_path() {
    const ROUNDS: u32 = 200;
    let paths: Vec<String> = (0..10_000)
        .map(|n| match n % 4 {
            0 => format!("/api/v1/users/{n}/orders/{:016x}", random(n)),
            1 => format!("/static/{}.css", letters(u64::from(n % 40))),
            2 => format!("/blog/{}/comments", letters(random(n))),
            _ => "/api/v1/cart".to_owned(),
        })
        .collect();
    let (mut routes, config) = (Routes::default(), RoutesConfig::default());
    let owner = ("shop", Owner::Itself);
    let mut lengths = 0;
    let begun = std::time::Instant::now();
    for _ in 0..ROUNDS {
        for path in &paths {
            let route = routes.route(owner, path, Evidence::Exists, &config);
            lengths += route.map_or(0, str::len);
        }
    }
    let each = begun.elapsed().as_nanos() / (u128::from(ROUNDS) * paths.len() as u128);
    println!(
        "{each} ns a path ({lengths} bytes, {} routes)",
        routes.len()
    );
}
