//! Wait states, on a paused clock.

use serde_json::{Value, json};

use crate::{failure_of, only, run};

/// The milliseconds that a machine of this one state takes. It starts at the beginning of 2025.
fn duration(state: &Value, input: Value) -> i128 {
    let outcome = run(&only(state), input);
    assert_eq!(outcome.error, None, "{:?}", outcome.cause);
    outcome.ended.duration_since(outcome.started).as_millis()
}

#[test]
fn a_wait_takes_the_given_time() {
    let table = [
        (json!({"Type": "Wait", "Seconds": 0}), 0),
        (json!({"Type": "Wait", "Seconds": 21_600}), 21_600_000),
        (json!({"Type": "Wait", "SecondsPath": "$.seconds"}), 90_000),
        (json!({"Type": "Wait", "SecondsPath": "$.text"}), 7_000),
        (json!({"Type": "Wait", "Timestamp": "2025-01-01T00:01:00Z"}), 60_000),
        (json!({"Type": "Wait", "Timestamp": "2025-01-01T01:00:00.250+01:00"}), 250),
        (json!({"Type": "Wait", "Timestamp": "2024-01-01T00:00:00Z"}), 0),
        (json!({"Type": "Wait", "TimestampPath": "$.until"}), 3_600_000),
        (json!({"Type": "Wait", "InputPath": "$.in", "SecondsPath": "$.s"}), 2_000),
    ];
    let input = json!({"seconds": 90, "text": "7", "until": "2025-01-01T01:00:00Z", "in": {"s": 2}});
    for (state, expected) in table {
        assert_eq!(duration(&state, input.clone()), expected, "{state}");
    }
}

#[test]
fn a_wait_refuses_a_value_that_is_not_a_time() {
    let table = [
        ("SecondsPath", json!(-1), "The SecondsPath parameter references a negative value: $.t == -1"),
        ("SecondsPath", json!(1.5), "The SecondsPath parameter cannot be parsed as a long value: $.t == 1.5"),
        ("SecondsPath", json!("soon"), "The SecondsPath parameter cannot be parsed as a long value: $.t == soon"),
        (
            "TimestampPath",
            json!("2016-12-05 21:29:29Z"),
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format \
             string: $.t == 2016-12-05 21:29:29Z",
        ),
    ];
    for (field, value, problem) in table {
        let (error, cause) = failure_of(&json!({"Type": "Wait", field: "$.t"}), json!({"t": value}));
        assert_eq!(error, "States.Runtime");
        assert_eq!(
            cause,
            format!("An error occurred while executing the state 'S' (entered at the event id #2). {problem}")
        );
    }
    let late = ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999-18:00", "2093-01-19T03:14:09Z"];
    let too_long = late
        .map(|time| json!({"Type": "Wait", "Timestamp": time}))
        .into_iter()
        .chain(late.map(|time| json!({"Type": "Wait", "TimestampPath": format!("$['{time}']")})))
        .chain([json!({"Type": "Wait", "SecondsPath": "$.seconds"})]);
    let input = late
        .iter()
        .map(|time| ((*time).to_owned(), json!(time)))
        .chain([("seconds".to_owned(), json!((1_i64 << 31) + 1))]);
    let input = Value::Object(input.collect());
    for state in too_long {
        let (error, cause) = failure_of(&state, input.clone());
        assert_eq!(error, "States.Runtime", "{state}");
        assert_eq!(
            cause,
            "An error occurred while executing the state 'S' (entered at the event id #2). Wait state delay is too long."
        );
    }
    for field in ["SecondsPath", "TimestampPath"] {
        let (_, cause) = failure_of(&json!({"Type": "Wait", field: "$.none"}), json!({}));
        assert!(cause.ends_with(&format!("The {field} parameter does not reference an input value: $.none")));
    }
}
