//! What decodes, to what; the mistakes are in `testdata`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{decode, decode_into};
use crate::{
    ComponentId, Document, Duration, Environment, Headers, Input, Opaque, Optional, Problems,
    QueueConfig, RetryConfig, Sizer, TlsClientConfig, TlsVersion, load, off_when_null,
};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    text: String,
    number: i64,
    size: u8,
    ratio: f64,
    flag: bool,
    wait: Duration,
    names: Vec<String>,
    map: BTreeMap<String, i64>,
    headers: Headers,
    maybe: Option<String>,
    sizer: Sizer,
    block: Optional<RetryConfig>,
    #[serde(deserialize_with = "off_when_null")]
    quiet: Optional<RetryConfig>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            text: "default".to_owned(),
            number: 7,
            size: 7,
            ratio: 7.0,
            flag: true,
            wait: Duration::from_secs(7),
            names: vec!["default".to_owned()],
            map: BTreeMap::from([("default".to_owned(), 7)]),
            headers: Headers::from_iter([("default".to_owned(), Opaque::from("7"))]),
            maybe: None,
            sizer: Sizer::Bytes,
            block: Optional::Off,
            quiet: Optional::Off,
        }
    }
}

fn document(text: &str) -> Document {
    let variables = [
        ("NUM", "0123"),
        ("BOOL", "true"),
        ("LIST", "[a, 0123]"),
        ("T", "5"),
        ("MAP", "{a: 1}"),
    ];
    load(
        &[Input::text("a.yaml", text)],
        &Environment::from_iter(variables),
    )
    .expect(text)
}

fn sample(text: &str) -> Sample {
    decode(document(text).root()).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

#[test]
fn an_empty_value_keeps_the_default() {
    let all = "text:\nnumber:\nsize:\nratio:\nflag:\nwait:\nnames:\nmap:\nheaders:\nmaybe:\n\
        sizer:\nquiet:\n";
    assert_eq!(sample(all), Sample::default());
    assert_eq!(sample("{}"), Sample::default());
    let component = document("otlp:\n");
    let settings = component.root().get("otlp").expect("it was written");
    assert_eq!(decode::<Sample>(settings), Ok(Sample::default()));
}

#[test]
fn an_unset_variable_is_the_zero_of_its_type() {
    let unset = "{text: '${U}', number: '${U}', ratio: '${U}', flag: '${U}', wait: '${U}', \
        names: '${U}', map: '${U}', maybe: '${U}'}";
    let expected = Sample {
        text: String::new(),
        number: 0,
        ratio: 0.0,
        flag: false,
        wait: Duration::ZERO,
        ..Sample::default()
    };
    assert_eq!(sample(unset), expected);
}

#[test]
fn a_variable_takes_the_type_that_is_wanted() {
    let read = sample(
        "{text: '${NUM}', number: '${NUM}', flag: '${BOOL}', names: '${LIST}', map: '${MAP}', \
         maybe: '${BOOL}'}",
    );
    assert_eq!(
        (read.text.as_str(), read.number, read.flag),
        ("0123", 83, true)
    );
    assert_eq!(read.names, ["a", "0123"]);
    assert_eq!((read.map["a"], read.maybe.as_deref()), (1, Some("true")));
}

#[test]
fn values_replace_defaults() {
    let read = sample(
        "{number: 5.0, ratio: 2, wait: 1m, names: 'a,b', map: {x: 1, y: }, maybe: x, \
         sizer: items, headers: [{name: A, value: b}, {name: c}]}",
    );
    assert_eq!((read.number, read.ratio.to_bits()), (5, 2.0_f64.to_bits()));
    assert_eq!(
        (read.wait, read.sizer),
        (Duration::from_secs(60), Sizer::Items)
    );
    assert_eq!(
        (read.names, read.maybe),
        (vec!["a".to_owned(), "b".to_owned()], Some("x".into()))
    );
    assert_eq!(
        read.map,
        BTreeMap::from([("x".to_owned(), 1), ("y".to_owned(), 0)])
    );
    assert_eq!(read.headers.get("A").map(Opaque::reveal), Some("b"));
    assert_eq!(sample("names: []").names, Vec::<String>::new());
    assert_eq!(
        sample("headers: {a: b}")
            .headers
            .get("a")
            .map(Opaque::reveal),
        Some("b")
    );
}

#[test]
fn an_optional_block_is_switched_by_being_written() {
    let on = |text: &str| (sample(text).block.is_on(), sample(text).quiet.is_on());
    assert_eq!(on("{}"), (false, false));
    assert_eq!(on("block:\nquiet:\n"), (true, false));
    assert_eq!(on("block: {}\nquiet: {}\n"), (true, true));
    let written = sample("block: {multiplier: 3.0}").block;
    assert_eq!(
        written.as_ref().map(|retry| retry.multiplier.to_bits()),
        Some(3.0_f64.to_bits())
    );
}

#[test]
fn an_optional_block_accepts_an_extra_enabled() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Block {
        batch: Optional<crate::QueueBatchConfig>,
    }
    let on = |text: &str| {
        let mut problems = Problems::new();
        let block = decode_into::<Block>(document(text).root(), &mut problems);
        block
            .map(|block| block.batch.is_on())
            .ok_or_else(|| problems.len())
    };
    assert_eq!(on("batch: {enabled: true}"), Ok(true));
    assert_eq!(on("batch: {enabled: false}"), Ok(false));
    assert_eq!(on("batch: {enabled: 5, min_size: x, nope: 1}"), Err(3));
    assert_eq!(on("batch: {enabled: false, min_size: x}"), Err(1));
}

#[test]
fn shared_blocks_have_the_collectors_defaults() {
    let queue: QueueConfig =
        decode(document("storage: file_storage/q\nbatch:\n").root()).expect("queue");
    assert_eq!(
        queue.storage,
        Some(ComponentId::parse("file_storage/q").expect("an id"))
    );
    let expected = QueueConfig {
        storage: None,
        batch: Optional::Off,
        ..queue.clone()
    };
    assert_eq!(expected, QueueConfig::default());
    assert_eq!(
        queue.batch,
        Optional::On(crate::QueueBatchConfig::default())
    );
    assert_eq!(queue.batch_sizer(), Sizer::Items);
    let tls: TlsClientConfig =
        decode(document("{min_version: '1.3', max_version: ''}").root()).expect("tls");
    assert_eq!(
        (tls.oldest_version(), tls.max_version),
        (TlsVersion::V1_3, None)
    );
    assert_eq!(
        TlsClientConfig::default().oldest_version(),
        TlsVersion::V1_2
    );
}

#[test]
fn stops_after_many_mistakes() {
    let text: String = vec!["x"; 2000].join(", ");
    let document = document(&format!("[{{a: 1}}, {text}]").replacen('[', "map: [", 1));
    let list = document.root().get("map").expect("it was written");
    let problems = decode::<Vec<u8>>(list).expect_err("all are wrong");
    assert!(
        problems.to_string().contains("more than 1000 mistakes"),
        "{problems}"
    );
}

#[test]
fn never_quotes_what_a_variable_holds() {
    let environment = Environment::from_iter([("TOKEN", "s3cr3t"), ("PIN", "[s3cr3t]")]);
    let text = "{number: '${TOKEN}', wait: 'x${TOKEN}', flag: '${PIN}', size: '${PIN}'}";
    let document = load(&[Input::text("a.yaml", text)], &environment).expect("good YAML");
    let problems = decode::<Sample>(document.root()).expect_err("all are wrong");
    assert_eq!(problems.len(), 4);
    assert!(!problems.to_string().contains("s3cr3t"), "{problems}");
}
