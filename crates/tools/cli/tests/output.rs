//! The output as a person sees it: in a pipe, on terminals of several widths, with and without colours.
//!
//! A terminal here is a pseudo-terminal, whose bytes a terminal emulator draws. The text on its screen must be the text that
//! the command prints at that width, so no line overlaps another one and no live line stays behind.
//!
//! `SNAPSHOTS=overwrite cargo test -p trapheus-cli --test output` writes the captures in `tests/output` anew.

use std::path::Path;
use std::process::{Command, Output};

use snapbox::{Data, assert_data_eq};

/// A run with a fault, a request of a person and a folded wait, which fails.
const FAILING: &[&str] = &[
    "rehearse",
    "../../../events/instance-restore.json",
    "--fault",
    "RestoreDBInstanceFromDBSnapshot=endsIn:incompatible-parameters",
    "--fault",
    "at:400=DeleteDBInstance:DBInstanceIdentifier=nowhere",
    "--fault",
    "claim-instance=crash",
];
/// A run that succeeds on a cluster.
const CLUSTER: &[&str] = &["rehearse", "../../../events/aurora-cluster-restore.json", "--seed", "7"];
const OVERHEAD: &[&str] = &["overhead", "--seeds", "1"];
const FLEET: &[&str] = &["fleet", "1", "3", "--event", "../../../events/instance-restore.json"];

/// The command, with no setting of the environment that changes its output.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapheus"));
    command.args(arguments);
    for variable in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "COLORTERM"] {
        command.env_remove(variable);
    }
    command
}

fn piped(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(arguments).envs(environment.iter().copied()).output().expect("the command runs")
}

fn text(stream: &[u8]) -> String {
    String::from_utf8(stream.to_vec()).expect("UTF-8")
}

/// Standard output in so many columns, or in a pipe without a width.
fn printed(arguments: &[&str], columns: Option<usize>) -> String {
    let columns = columns.map(|columns| columns.to_string());
    let environment: Vec<(&str, &str)> = columns.iter().map(|columns| ("COLUMNS", columns.as_str())).collect();
    let output = piped(arguments, &environment);
    assert!(output.status.code() < Some(2), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Compares with a file in `tests/output`.
fn assert_capture(name: &str, text: String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output").join(name).with_extension("txt");
    assert_data_eq!(text, Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw());
}

fn assert_fits(text: &str, columns: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= columns, "wider than {columns} columns: {line}");
    }
}

#[test]
fn a_rehearsal_prints_the_captured_lines_in_every_width() {
    for (name, arguments) in [("failing", FAILING), ("cluster", CLUSTER)] {
        assert_capture(&format!("rehearse-{name}-piped"), printed(arguments, None));
        for columns in [40, 80, 140] {
            let lines = printed(arguments, Some(columns));
            assert_fits(&lines, columns);
            assert_capture(&format!("rehearse-{name}-{columns}"), lines);
        }
    }
}

#[test]
fn a_table_prints_the_captured_lines_in_every_width() {
    for (name, arguments) in [("overhead", OVERHEAD), ("fleet", FLEET)] {
        assert_capture(&format!("{name}-piped"), printed(arguments, None));
        assert_capture(&format!("{name}-markdown"), printed(&[arguments, &["--markdown"]].concat(), None));
        for columns in [40, 80, 140] {
            let lines = printed(arguments, Some(columns));
            assert_fits(&lines, columns);
            assert_capture(&format!("{name}-{columns}"), lines);
        }
    }
}

#[test]
fn colours_can_be_forced_and_are_never_in_a_pipe_otherwise() {
    let plain = printed(FAILING, None);
    assert!(!plain.contains('\x1b'), "{plain}");
    let coloured = text(&piped(FAILING, &[("CLICOLOR_FORCE", "1")]).stdout);
    assert!(coloured.contains("\x1b[32mok") && coloured.contains("\x1b[33m+00:06:40  person"), "{coloured}");
    let last = coloured.lines().last().expect("a last line");
    assert!(last.starts_with("\x1b[33morders is available: the original"), "{last:?}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn the_last_line_is_about_the_database() {
    let last = |arguments: &[&str]| {
        let output = text(&piped(arguments, &[("CLICOLOR_FORCE", "1")]).stdout);
        output.lines().last().expect("a last line").to_owned()
    };
    let good = last(CLUSTER);
    assert!(good.starts_with("\x1b[32mshop is available: restored by this run, cluster-"), "{good:?}");
    let stopped = [FAILING, &["--fault", "RevertOldDbInstanceRename=abort", "--no-recovery"]].concat();
    let bad = last(&stopped);
    assert!(bad.starts_with("\x1b[1m\x1b[31morders does not exist any more"), "{bad:?}");
}

#[test]
fn every_help_fits_80_columns_and_the_short_one_is_shorter() {
    let commands = [
        "rehearse",
        "preview-alert",
        "start",
        "follow",
        "simulator",
        "campaign",
        "overhead",
        "fleet",
        "check",
        "diagram",
    ];
    for command in commands.into_iter().map(Some).chain([None]) {
        let help = |flag| {
            let output = piped(&[command.as_slice(), &[flag]].concat(), &[("COLUMNS", "200")]);
            assert_eq!(output.status.code(), Some(0));
            let help = text(&output.stdout);
            assert_fits(&help, 80);
            help.lines().count()
        };
        let (short, long) = (help("-h"), help("--help"));
        assert!(short < long, "{command:?}: {short} lines and {long}");
    }
}

#[test]
fn the_list_of_faults_is_printed_without_an_event() {
    for command in ["rehearse", "preview-alert"] {
        let output = piped(&[command, "--fault", "help"], &[]);
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
        let list = text(&output.stdout);
        for name in ["endsIn:STATUS", "ModifyDBInstance", "rename-instance", "RevertOldDbInstanceRename"] {
            assert!(list.contains(name), "{name} is not in {list}");
        }
        assert_fits(&list, 80);
    }
}

#[test]
fn a_wrong_name_of_a_fault_gets_three_suggestions_and_no_long_list() {
    let refused = |fault: &str| {
        let output = piped(&["rehearse", "-", "--fault", fault], &[]);
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    let said = refused("RenameDbInstance=abort");
    assert_eq!(said.matches('`').count(), 2 + 2 * 3 + 2, "{said}");
    assert!(said.contains("`--fault help` lists all names") && said.len() < 500, "{said}");
    assert!(!refused("xyzzy=abort").contains("did you mean"));
}

#[test]
fn an_impossible_value_is_refused_with_the_values_that_are_possible() {
    for (arguments, advice) in [
        (&["overhead", "--seeds", "0"][..], "give a whole number of at least 1"),
        (&["overhead", "--seeds", "many"], "give a whole number of at least 1"),
        (&["simulator", "--speed", "0"], "give a number above 0"),
        (&["simulator", "--speed", "NaN"], "give a number above 0"),
        (&["fleet", "0"], "1..=999"),
        (&["rehearse", "-", "--snapshot-replacement", "DeletFirst"], "a similar value exists: 'DeleteFirst'"),
        (&["fleet", "--json", "--markdown"], "cannot be used with"),
    ] {
        let output = piped(arguments, &[]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        assert!(text(&output.stderr).contains(advice), "{}", text(&output.stderr));
    }
}

#[test]
fn the_version_names_the_commit() {
    let version = text(&piped(&["--version"], &[]).stdout);
    let number = concat!("trapheus ", env!("CARGO_PKG_VERSION"));
    let git = Command::new("git").args(["log", "-1", "--date=short", "--abbrev=9", "--format=%h %cd"]).output();
    let commit = git.ok().filter(|git| git.status.success()).map(|git| text(&git.stdout));
    let is_tracked = Command::new("git").args(["ls-files", "--error-unmatch", "Cargo.toml"]).output();
    match commit.filter(|_| is_tracked.is_ok_and(|git| git.status.success())) {
        Some(commit) => assert_eq!(version, format!("{number} ({})\n", commit.trim())),
        None => assert_eq!(version, format!("{number}\n")),
    }
}

#[cfg(unix)]
mod on_a_terminal {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::num::NonZero;

    use pty_process::Size;
    use pty_process::blocking::{Command, open};

    use super::*;

    /// A terminal higher than any output here, so that nothing scrolls away.
    const ROWS: u16 = 300;

    /// The result of a command on a terminal.
    struct Shown {
        /// The text on the screen at the end.
        screen: String,
        /// All bytes that the terminal got.
        bytes: Vec<u8>,
    }

    fn shown(arguments: &[&str], columns: u16, environment: &[(&str, &str)]) -> Shown {
        let (mut terminal, other_side) = open().expect("a pseudo-terminal");
        terminal.resize(Size::new(ROWS, columns)).expect("a size");
        let plain = command(arguments);
        let removed = plain.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name);
        let mut command = Command::new(plain.get_program()).args(arguments).env("TERM", "xterm-256color");
        for name in removed.filter(|name| *name != "TERM") {
            command = command.env_remove(name);
        }
        let mut child = command.envs(environment.iter().copied()).spawn(other_side).expect("the command starts");
        let mut bytes = Vec::new();
        // Linux reports the end of a terminal's other side as an error.
        if let Err(error) = terminal.read_to_end(&mut bytes) {
            assert_ne!(error.kind(), ErrorKind::Interrupted, "{error}");
        }
        child.wait().expect("the command ends");
        let size = [ROWS, columns].map(|length| NonZero::new(length).expect("a size above 0"));
        let mut emulator = vt100::Parser::new(size[0], size[1], 0);
        emulator.process(&bytes);
        let screen: Vec<String> = emulator.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        Shown { screen: screen.join("\n").trim_end().to_owned() + "\n", bytes }
    }

    fn has_colours(bytes: &[u8]) -> bool {
        bytes.windows(4).any(|window| window == b"\x1b[32" || window == b"\x1b[33" || window == b"\x1b[31")
    }

    #[test]
    fn the_screen_shows_the_captured_lines_with_and_without_colours() {
        for columns in [40, 80, 140] {
            let lines = printed(FAILING, Some(columns.into()));
            let coloured = shown(FAILING, columns, &[]);
            assert_eq!(coloured.screen, lines, "{columns} columns");
            assert!(has_colours(&coloured.bytes));
            let plain = shown(FAILING, columns, &[("NO_COLOR", "1")]);
            assert_eq!(plain.screen, lines, "{columns} columns, without colours");
            assert!(!has_colours(&plain.bytes), "{:?}", String::from_utf8_lossy(&plain.bytes));
        }
    }

    #[test]
    fn progress_leaves_nothing_behind() {
        let table = shown(OVERHEAD, 40, &[]);
        assert_eq!(table.screen, printed(OVERHEAD, Some(40)));
        let campaign = ["campaign", "--family", "abort", "--event", "../../../events/instance-snapshot-only.json"];
        for columns in [40, 80] {
            for environment in [&[][..], &[("NO_COLOR", "1")]] {
                let table = shown(FLEET, columns, environment);
                assert_eq!(table.screen, printed(FLEET, Some(columns.into())));
                // The last line states the duration, which no capture can hold.
                let shown = shown(&campaign, columns, environment).screen;
                let first = shown.lines().next().unwrap_or_default();
                assert!(first.starts_with("family "), "{columns} columns:\n{shown}");
            }
        }
    }

    /// Answers every request with the history of an execution that waits twice and succeeds.
    fn step_functions() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
        format!("http://{address}")
    }

    fn answer(mut connection: TcpStream) {
        let mut request = vec![0; 65_536];
        let _ = connection.read(&mut request);
        let pending = r#"{\"task\": \"TASK_PENDING\", \"observed\": \"orders creating\"}"#;
        let done = r#"{\"task\": \"TASK_COMPLETE\", \"observed\": \"orders available\"}"#;
        let mut events = vec![r#""type":"ExecutionStarted""#.to_owned()];
        for output in [pending, pending, done] {
            let state = r#"DetailsOF":{"name":"GetDbInstanceStatusPostRestore"}"#;
            events.push(format!(
                r#""type":"TaskStateEntered","{}"#,
                state.replace("DetailsOF", "stateEnteredEventDetails")
            ));
            events.push(r#""type":"LambdaFunctionScheduled""#.to_owned());
            events.push(format!(
                r#""type":"LambdaFunctionSucceeded","lambdaFunctionSucceededEventDetails":{{"output":"{output}"}}"#
            ));
            events.push(format!(
                r#""type":"TaskStateExited","{}"#,
                state.replace("DetailsOF", "stateExitedEventDetails")
            ));
        }
        events.push(r#""type":"ExecutionSucceeded""#.to_owned());
        let events: Vec<String> = (1..)
            .zip(events)
            .map(|(id, event)| {
                format!(r#"{{"id":{id},"previousEventId":{},"timestamp":{},{event}}}"#, id - 1, 1_767_600_000 + id * 60)
            })
            .collect();
        let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
        let _ = write!(
            connection,
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
    }

    #[test]
    fn a_followed_execution_shows_its_folded_steps_at_every_width() {
        let endpoint = step_functions();
        let arn = "arn:aws:states:us-east-1:123456789012:execution:m:run-1";
        for columns in [40, 80, 140] {
            for colours in [&[][..], &[("NO_COLOR", "1")]] {
                let account = [
                    ("AWS_ENDPOINT_URL", endpoint.as_str()),
                    ("AWS_ACCESS_KEY_ID", "test"),
                    ("AWS_SECRET_ACCESS_KEY", "test"),
                ];
                let shown = shown(&["follow", arn], columns, &[&account, colours].concat()).screen;
                assert_eq!(shown.matches("GetDbInstanceStatusPostRestore").count(), 1, "{shown}");
                for part in ["3 waits", "orders available", "11m 00s", "\nSUCCEEDED\n"] {
                    assert!(shown.contains(part), "{part} at {columns} columns:\n{shown}");
                }
            }
        }
    }
}
