//! What programs read about problems.

use serde_json::{Value, json};
use tapline_config::{Place, Problem, Problems, Source};

use super::{json as listed, rules::RULES, sarif};

fn problems() -> Problems {
    let source = Source::new("dir/my file.yaml", "a: [größe]\nb: 2\n", 0);
    let mut problems = Problems::new();
    let place = Place::new(&source, 1, 5, 5);
    let wrong = Problem::error(&place, "unknown setting `größe`");
    problems.push(wrong.suggesting(Some("size")));
    let place = Place::new(&source, 2, 1, 1);
    problems.push(Problem::warning(
        &place,
        "receiver `b` is configured, but idle",
    ));
    problems.push(Problem::unplaced("cannot read c.yaml: no such file"));
    problems
}

#[test]
fn json_is_a_list_with_places_where_there_are_any() {
    let read: Value = serde_json::from_str(&listed(&problems())).expect("JSON");
    let expected = json!([
        {
            "file": null, "line": null, "column": null, "end_column": null,
            "severity": "error", "message": "cannot read c.yaml: no such file", "label": null,
        },
        {
            "file": "dir/my file.yaml", "line": 1, "column": 5, "end_column": 10,
            "severity": "error", "message": "unknown setting `größe`",
            "label": "did you mean `size`?",
        },
        {
            "file": "dir/my file.yaml", "line": 2, "column": 1, "end_column": 2,
            "severity": "warning", "message": "receiver `b` is configured, but idle",
            "label": null,
        },
    ]);
    assert_eq!(read, expected);
    assert_eq!(listed(&Problems::new()), "[]\n");
}

#[test]
fn sarif_names_rules_levels_and_places() {
    let read: Value = serde_json::from_str(&sarif(&problems())).expect("JSON");
    assert_eq!(read["version"], "2.1.0");
    let run = &read["runs"][0];
    let expected = [
        ("cannot-read", "error", Value::Null),
        (
            "unknown-setting",
            "error",
            json!({ "startLine": 1, "startColumn": 5, "endColumn": 10 }),
        ),
        (
            "unused-component",
            "warning",
            json!({ "startLine": 2, "startColumn": 1, "endColumn": 2 }),
        ),
    ];
    assert_eq!(
        run["results"].as_array().map(Vec::len),
        Some(expected.len())
    );
    for (at, (rule, level, region)) in expected.into_iter().enumerate() {
        let result = &run["results"][at];
        let index = result["ruleIndex"].as_u64().expect("a number") as usize;
        assert_eq!(result["ruleId"], rule);
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], rule);
        assert_eq!(result["level"], level);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["region"], region);
        if !region.is_null() {
            assert_eq!(place["artifactLocation"]["uri"], "dir/my%20file.yaml");
        }
    }
}

#[test]
fn rules_are_named_once_and_the_last_takes_the_rest() {
    let mut ids: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.last(), Some(&"configuration"));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), RULES.len());
}

#[test]
fn what_is_not_listed_is_said() {
    let mut problems = Problems::new();
    for number in 0..600 {
        problems.push(Problem::unplaced(format!("{number}")));
    }
    assert!(listed(&problems).contains("\"100 more problems are not listed\""));
    assert!(sarif(&problems).contains("\"100 more problems are not listed\""));
}
