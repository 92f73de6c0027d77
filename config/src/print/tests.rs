//! What is written, what is hidden, and what is said about where it came from.

use super::{Secrets, explain, print};
use crate::{Document, Environment, Input, load};

fn loaded(text: &str) -> Document {
    let environment = Environment::from_iter([("TOKEN", "abc")]);
    load(&[Input::text("a.yaml", text)], &environment).expect("good YAML")
}

#[test]
fn hides_secrets() {
    let document = loaded(
        "a: {headers: {x-key: '1', n: null}, tls: {key_pem: \"k\", key_file: /k}}\nb: {token: '${env:TOKEN}', list: [{password: 5}]}\n",
    );
    let expected = "a:\n  headers:\n    x-key: \"[REDACTED]\"\n    n:\n  tls:\n    \
        key_pem: \"[REDACTED]\"\n    key_file: /k\nb:\n  token: \"[REDACTED]\"\n  list:\n    \
        - password: \"[REDACTED]\"\n";
    assert_eq!(print(&document, Secrets::Hidden), expected);
    assert!(print(&document, Secrets::Shown).contains("token: abc"));
}

#[test]
fn hides_credentials_in_urls() {
    let document = loaded("proxy_url: http://me:hunter2@proxy:3128/\n");
    let expected = "proxy_url: \"http://**********@proxy:3128/\"\n";
    assert_eq!(print(&document, Secrets::Hidden), expected);
    assert!(!explain(&document, Secrets::Hidden).contains("hunter2"));
    assert!(print(&document, Secrets::Shown).contains("hunter2"));
}

#[test]
fn hides_what_is_secret_within_a_value() {
    let text = "proxy_url: 'http://u:hunter2@proxy:1'\n\
        endpoint: ${env:NO:-https://u:hunter2@h/x?token=hunter2&a=b}\nlist: [ftp://u:hunter2@h]\n";
    let document = loaded(text);
    let printed = print(&document, Secrets::Hidden);
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(printed.contains("proxy_url: \"http://*********@proxy:1\""));
    assert!(printed.contains("endpoint: \"https://*********@h/x?token=[REDACTED]&a=b\""));
    assert!(!explain(&document, Secrets::Hidden).contains("hunter2"));
    assert_eq!(
        print(&document, Secrets::Shown).matches("hunter2").count(),
        4
    );
}

#[test]
fn shows_what_is_no_secret_below_what_looks_like_one() {
    let document = loaded(
        "headers: [{name: x-key, value: v}, {name: n}]\ncookies: {enabled: true}\n\
         b: {headers: {name: v}, headers_list: 'a=b'}\n",
    );
    let expected = "headers:\n  - name: x-key\n    value: \"[REDACTED]\"\n  - name: n\n\
        cookies:\n  enabled: true\nb:\n  headers:\n    name: \"[REDACTED]\"\n  \
        headers_list: \"[REDACTED]\"\n";
    assert_eq!(print(&document, Secrets::Hidden), expected);
}

#[test]
fn every_value_is_followed_by_where_it_came_from() {
    let text = "a: 1\nb: [x, '${TOKEN}']\nc: ${env:NO:-d}\nd: 'x${TOKEN}y${env:NO:-}'\n\
        e: ${MAP}\nf:\ng: {}\npassword: ${env:NO:-hunter2}\ntoken: ${TOKEN}\nh: $$x\n";
    let variables = [("TOKEN", "abc"), ("MAP", "{p: q, r: '${TOKEN}'}")];
    let inputs = [Input::text("g.yaml", text), Input::set("a=2")];
    let document = load(&inputs, &Environment::from_iter(variables)).expect("good");
    let expected = "\
a: 2  # --set
b:
  - x  # g.yaml:2:5
  - abc  # ${env:TOKEN} (environment), g.yaml:2:8
c: d  # default of ${env:NO:-d}, g.yaml:3:4
d: xabcy  # ${env:TOKEN} (environment), default of ${env:NO:-}, g.yaml:4:4
e:
  p: q  # ${env:MAP} (environment), g.yaml:5:4
  r: abc  # a reference inside, ${env:MAP} (environment), g.yaml:5:4
f: null  # g.yaml:6:2
g: {}  # g.yaml:7:4
password: \"[REDACTED]\"  # default of ${env:NO:-…}, g.yaml:8:11
token: \"[REDACTED]\"  # ${env:TOKEN} (environment), g.yaml:9:8
h: \"$$x\"  # g.yaml:10:4
";
    assert_eq!(explain(&document, Secrets::Hidden), expected);
    let again = load(&[Input::text("b.yaml", expected)], &Environment::default());
    assert!(again.is_ok(), "comments are comments");
}

#[test]
fn what_is_written_reads_back_as_itself() {
    let text = concat!(
        "a: [1, 1.0, '1', yes, 'true', null, '~', '', [], {}, .nan, -.inf, 1e300]\n",
        "b: [[[x], {y: [z]}], {c: {}, d: [], e: }, 'a: b', '- a', '# x', \"\\0\\n\\t\\\"\\\\\"]\n",
        "c: ['$$1', '$$$${env:X}', ' x ', 'a #b', 'http://h:1/p', 'x:', '{a}', '*a', '&a', '!a', '%a', '@a', '`a']\n",
        "'true': 1\n'5': 2\n'a b': 3\n'a: b': 4\n'': 5\n",
    );
    let once = print(&loaded(text), Secrets::Shown);
    let twice = print(&loaded(&once), Secrets::Shown);
    assert_eq!(once, twice);
    let shape = |text: &str| crate::decode::<serde_json::Value>(loaded(text).root()).expect("JSON");
    assert_eq!(shape(text), shape(&once));
}
