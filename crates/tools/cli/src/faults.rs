//! The list of faults that `--fault help` prints. [`crate::injection`] owns the faults themselves.

use std::fmt::Write as _;

use crate::injection::places;
use crate::terminal::Width;

/// Whether the arguments ask for the list of faults, as in `trapheus rehearse --fault help`. The list needs no event, so the
/// command looks for this before it reads its other arguments.
pub fn are_asked_for(arguments: impl IntoIterator<Item = String>) -> bool {
    let arguments: Vec<String> = arguments.into_iter().collect();
    let is_separate = arguments.windows(2).any(|pair| pair == ["--fault", "help"]);
    is_separate || arguments.iter().any(|argument| argument == "--fault=help")
}

/// A form, and its meaning.
type Entry = (&'static str, &'static str);

const WHERE: &[Entry] = &[
    ("ACTION", "a request to AWS, such as ModifyDBInstance; * is any"),
    ("ACTION@NAME", "a request about the database NAME"),
    ("FUNCTION", "a Lambda function, such as rename-instance"),
    ("STATE", "the execution enters a state, such as DbInstanceRename"),
    ("recovery:STATE", "a recovery enters a state"),
    ("end", "the execution ends without success"),
    ("at:SECONDS", "a time after the start, when a person makes a request"),
    ("after:ACTION+SECONDS", "a time after a request, when a person makes one"),
    ("…#2", "the second time; …#2x3 are three in a row from then on"),
];
const OF_ACTIONS: &[Entry] = &[
    ("throttle", "RDS answers Throttling"),
    ("serverError", "the service answers with HTTP status 503; serverError:500 with another"),
    ("denied", "no policy allows the request"),
    ("error:CODE", "the service answers with this code; error:CODE:MESSAGE also words it"),
    ("responseLost", "the request is applied, and its response is lost"),
    ("connectionReset", "the request is applied, and its response breaks off"),
    ("connectionRefused", "there is no connection"),
    ("slow:SECONDS", "the response takes this long"),
    ("notFoundFor:SECONDS", "reads do not find a new or renamed database for this long"),
    ("endsIn:STATUS", "the operation ends in this status, such as failed"),
    ("stuck", "the operation never ends; stuck:SECONDS takes longer"),
    ("late:SECONDS", "the request's tags or rename show later"),
];
const OF_READS: &[Entry] = &[("stale:SECONDS", "a read of an execution (DescribeExecution) is this old")];
const OF_FUNCTIONS: &[Entry] = &[
    ("crash", "the process ends before it works"),
    ("answerLost", "the function does its work, and its process ends before it answers"),
    ("timeOut", "the function does its work, and does not answer in time"),
    ("serviceException", "Lambda fails"),
    ("tooManyRequests", "Lambda has no capacity"),
    ("lambda:ERROR", "Lambda refuses with this error of Invoke, such as Lambda.EC2ThrottledException"),
    ("asleep:SECONDS", "the function is inactive until this long after its first call"),
];
const OF_STATES: &[Entry] = &[
    ("abort", "a person stops the execution, before the state's function works"),
    ("abortAfter", "a person stops the execution, after the state's function has worked"),
    ("secondRun", "a person starts the event again; secondRun:EVENT starts another one"),
];
const OF_RECOVERIES: &[Entry] = &[("secondRun", "a person starts the event again beside the recovery")];
const OF_END: &[Entry] = &[("redrive:SECONDS", "a person redrives the execution this long after its end")];
const OF_MOMENTS: &[Entry] =
    &[("ACTION:PARAMETER=VALUE,…", "the request, such as DeleteDBInstance:DBInstanceIdentifier=orders")];

/// The parts of the list.
const PARTS: [(&str, &[Entry]); 9] = [
    ("WHERE", WHERE),
    ("WHAT happens to an ACTION", OF_ACTIONS),
    ("WHAT happens to a read of an execution", OF_READS),
    ("WHAT happens to a FUNCTION", OF_FUNCTIONS),
    ("WHAT happens at a STATE", OF_STATES),
    ("WHAT happens at a recovery:STATE", OF_RECOVERIES),
    ("WHAT happens after the end", OF_END),
    ("WHAT a person requests, at: or after:", OF_MOMENTS),
    (
        "Examples of --fault",
        &[
            ("ModifyDBInstance#2=denied", "the second change of a DB instance is denied"),
            ("rename-instance=crash", "the function crashes once"),
            ("DbInstanceRename=abort", "a person stops the execution there"),
            ("at:600=RebootDBInstance:DBInstanceIdentifier=orders", "a person reboots orders after ten minutes"),
        ],
    ),
];

/// The columns of a form.
const FORM: usize = 26;

/// The list of faults.
pub fn help(width: Width) -> String {
    let width = width.columns().map_or(Width::of(80), |columns| Width::of(columns.min(100)));
    let mut text = width.wrap("A fault is WHERE=WHAT or a JSON object.", "", "");
    text.push('\n');
    // Writing to a String cannot fail.
    for (title, entries) in PARTS {
        let _ = writeln!(text, "\n{title}");
        for (form, meaning) in entries {
            if form.chars().count() + 4 > FORM || width.is_narrow() {
                let _ = writeln!(text, "{}", width.wrap(form, "  ", "    "));
                let _ = writeln!(text, "{}", width.wrap(meaning, "      ", "      "));
            } else {
                let _ = writeln!(text, "{}", width.wrap(meaning, &format!("  {form:<24}"), &" ".repeat(FORM)));
            }
        }
    }
    for (title, names) in places() {
        let _ = writeln!(text, "\n{title}\n{}", width.wrap(&names.join(", "), "  ", "  "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::injection::InjectedFault;

    fn parse(place: &str, form: &str) -> Result<InjectedFault, String> {
        let what = form
            .replace("CODE", "InstanceQuotaExceeded")
            .replace("SECONDS", "60")
            .replace("STATUS", "failed")
            .replace("ERROR", "Lambda.EC2ThrottledException")
            .replace("ACTION:PARAMETER=VALUE,…", "RebootDBInstance:DBInstanceIdentifier=orders");
        format!("{place}={what}").parse::<InjectedFault>().map_err(|error| format!("{place}={what}: {error}"))
    }

    #[test]
    fn every_listed_fault_exists() {
        for (place, entries) in [
            ("ModifyDBInstance", OF_ACTIONS),
            ("DescribeExecution", OF_READS),
            ("rename-instance#2", OF_FUNCTIONS),
            ("DbInstanceRename", OF_STATES),
            ("recovery:DbInstanceRename", OF_RECOVERIES),
            ("end", OF_END),
            ("at:60", OF_MOMENTS),
            ("after:ModifyDBInstance#1+30", OF_MOMENTS),
        ] {
            for (form, _) in entries {
                parse(place, form).unwrap();
            }
        }
        for (example, _) in PARTS[8].1 {
            example.parse::<InjectedFault>().unwrap();
        }
    }

    #[test]
    fn every_fault_that_an_error_lists_is_in_the_help() {
        let help = help(Width::UNLIMITED);
        for place in ["ModifyDBInstance", "rename-instance", "DbInstanceRename"] {
            let refused = format!("{place}=unheardOf").parse::<InjectedFault>().unwrap_err().to_string();
            let known = refused.split("known are: ").nth(1).expect("a list of the known faults");
            for fault in known.split(", ") {
                assert!(help.contains(fault), "{fault} is not in the help:\n{help}");
            }
        }
    }

    #[test]
    fn the_list_fits_its_width() {
        for columns in [40, 80, 140] {
            let longest = help(Width::of(columns)).lines().map(|line| line.chars().count()).max().unwrap();
            // The longest names and examples are words of up to 51 characters.
            assert!(longest <= columns.max(60), "{longest} in {columns} columns");
        }
    }
}
