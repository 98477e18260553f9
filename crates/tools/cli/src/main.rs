//! The command line: reads arguments and files, runs, prints. All other code is in the library.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use rds_simulator::{Options, Simulator, World};
use serde_json::Value;
use states_language::Severity;
use trapheus_cli::injection::InjectedFault;
use trapheus_cli::preview::{self, Format, Which};
use trapheus_cli::rehearsal::{DEFAULT_WORLD, DEFINITION, Rehearsal, filled_in};
use trapheus_cli::screen::{BUILT_IN_WORLD, ERROR, Screen, lines_of_cause, style_of};
use trapheus_cli::terminal::Width;
use trapheus_cli::{account, campaign, capture, concurrent_runs, diagram, faults, overhead};
use trapheus_common::document::{SnapshotReplacement, ValidateEvent};
use trapheus_common::error::with_causes;
use trapheus_common::input::{ValidateOptions, validate};

/// Restores Amazon RDS databases from snapshots, and rehearses the restore on your machine.
///
/// A run renames a database to `<identifier>-temp`. It restores `<identifier>-snapshot` under the database's own name, with
/// its own settings. It then compares the two databases and deletes the renamed one. If a step before the deletion fails,
/// the original gets its name back.
///
/// In an AWS account, a Step Functions state machine does this with Lambda functions. Here the same state machine and the
/// same function code work on a simulated RDS. You can therefore see a run, and its reaction to faults, before it works on
/// a database of yours.
#[derive(Debug, Parser)]
#[command(
    name = "trapheus",
    version = env!("TRAPHEUS_VERSION"),
    propagate_version = true,
    max_term_width = 80,
    after_long_help = "Begin with:\n  trapheus rehearse events/instance-restore.json\n\n\
                  An event is the execution's input:\n  \
                  identifier  the DB instance or DB cluster identifier\n  \
                  task        create_snapshot, db_restore, create_snapshot_only or recover\n  \
                  isCluster   true for a DB cluster, false for a DB instance\n\n\
                  Colours follow the terminal; NO_COLOR turns them off. Lines fit the terminal,\n\
                  or the number of columns in COLUMNS."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run an event on this machine and show the run as a timeline.
    ///
    /// The real state machine calls the real function code, whose AWS clients talk to a simulated RDS under virtual time. A
    /// restore of hours takes milliseconds, and the command changes nothing outside its process. The same event, world and
    /// seed give the same run.
    ///
    /// Exit status: 0 if the execution succeeded, 1 if it failed, 2 if it could not be started.
    #[command(after_long_help = "Examples:\n  trapheus rehearse events/instance-restore.json\n  \
                            trapheus rehearse events/aurora-cluster-restore.json --json \\\n    | jq .downtimeSeconds\n  \
                            echo '{\"identifier\": \"orders\", \"task\": \"db_restore\", \"isCluster\": false}' \\\n    | trapheus rehearse -\n  \
                            trapheus rehearse events/instance-restore.json \\\n    \
                            --fault RestoreDBInstanceFromDBSnapshot=endsIn:failed\n\n\
                            `trapheus rehearse --fault help` lists the faults.")]
    Rehearse {
        /// The execution's input: a JSON file, or `-` for standard input.
        event: PathBuf,
        /// The world at the start: a JSON file (schema: crates/tools/simulator/world.schema.json). By default, the
        /// databases that the files in events/ name.
        #[arg(long, value_name = "FILE")]
        world: Option<PathBuf>,
        /// A fault, as WHERE=WHAT or as a JSON object; `help` lists all; may be given several times.
        #[arg(long = "fault", value_name = "FAULT")]
        faults: Vec<InjectedFault>,
        /// Do not start the recovery that follows an execution without success.
        #[arg(long)]
        no_recovery: bool,
        /// The name of the execution.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The seed of all random choices of the run.
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
        /// How a new snapshot replaces an existing one.
        #[arg(long, value_name = "WAY", default_value = "KeepUntilReplaced", value_parser = replacements())]
        snapshot_replacement: SnapshotReplacement,
        /// Take a final snapshot of the original before its deletion.
        #[arg(long)]
        final_snapshot: bool,
        /// Send an alert for a success as well (parameter `SuccessNotice`).
        #[arg(long)]
        success_notice: bool,
        /// Print the result as JSON instead of a timeline.
        #[arg(long)]
        json: bool,
    },
    /// Show an alert that a run sends, by mail or to Slack.
    ///
    /// The command rehearses the event with its faults, and prints one of the alerts: the final one, or the first. A
    /// successful run sends its notice (parameter `SuccessNotice`).
    ///
    /// Exit status: 0 if there is an alert, 1 if none was sent, 2 if the event could not be rehearsed.
    #[command(after_long_help = "Examples:\n  trapheus preview-alert events/instance-restore.json\n  \
                            trapheus preview-alert events/instance-restore.json --format html \\\n    \
                            --fault RestoreDBInstanceFromDBSnapshot=error:InstanceQuotaExceeded > alert.html\n\n\
                            `trapheus preview-alert --fault help` lists the faults. Slack shows its JSON at\n\
                            https://app.slack.com/block-kit-builder")]
    PreviewAlert {
        /// The execution's input: a JSON file, or `-` for standard input.
        event: PathBuf,
        /// The world at the start; by default, the databases that the files in events/ name.
        #[arg(long, value_name = "FILE")]
        world: Option<PathBuf>,
        /// A fault, as WHERE=WHAT or as a JSON object; `help` lists all; may be given several times.
        #[arg(long = "fault", value_name = "FAULT")]
        faults: Vec<InjectedFault>,
        /// The seed of all random choices of the run.
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
        /// The alert to show.
        #[arg(long, value_enum, default_value_t = Which::Final)]
        alert: Which,
        /// The output format.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Start an event in an AWS account.
    ///
    /// The execution's name consists of the event and the minute. An accidental second start within the minute therefore
    /// has no effect.
    ///
    /// Exit status: 0 if the execution started or, with `--follow`, succeeded; 1 if it did not succeed; 2 if it could not
    /// be started.
    #[command(after_long_help = "Examples:\n  trapheus start event.json --stack trapheus-staging --follow\n  \
                           trapheus start event.json --profile staging \\\n    \
                           --state-machine-arn arn:aws:states:…:stateMachine:…")]
    Start {
        /// The execution's input: a JSON file, or `-` for standard input.
        event: PathBuf,
        /// The stack with the state machine to start.
        #[arg(long, value_name = "NAME", required_unless_present = "state_machine_arn")]
        stack: Option<String>,
        /// The ARN of the state machine to start.
        #[arg(long, value_name = "ARN", conflicts_with = "stack")]
        state_machine_arn: Option<String>,
        /// The execution's name.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Show the run as a timeline until it has ended.
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        account: Account,
    },
    /// Show an execution in an AWS account as a timeline until it has ended.
    ///
    /// Ctrl-C stops the display, not the execution. The command can be run again at any time.
    ///
    /// Exit status: 0 if the execution succeeded, 1 if it did not, 2 if it could not be followed.
    Follow {
        /// The ARN of the execution.
        #[arg(value_name = "ARN")]
        execution: String,
        #[command(flatten)]
        account: Account,
    },
    /// Write databases of an AWS account as a world file, to rehearse a run on them.
    ///
    /// The command reads with Describe and List calls only, everything that preflight reads. It reports each fact of the
    /// account that a world cannot hold on standard error, and refuses a database that no world can hold.
    ///
    /// Exit status: 0 if every database is in the world, 1 if one was refused, 2 if nothing could be captured.
    #[command(after_help = "Examples:\n  trapheus capture orders -o world.json --profile staging\n  \
                            trapheus rehearse event.json --world world.json\n  \
                            trapheus capture --redact > region.json")]
    Capture {
        #[command(flatten)]
        options: capture::command::Options,
        #[command(flatten)]
        account: Account,
    },
    /// Serve the simulated RDS over HTTP, for any AWS SDK or the AWS CLI.
    ///
    /// The simulator answers RDS (Query protocol), SES v2 `SendEmail` and Step Functions `DescribeExecution`, and accepts
    /// posted JSON. `GET /_simulator/state`, `/_simulator/mails`, `/_simulator/posts` and `/_simulator/requests` show its
    /// state and its history. It runs until it is interrupted.
    #[command(after_long_help = "Example:\n  trapheus simulator --listen 127.0.0.1:4510 --speed 60 &\n  \
                            aws --endpoint-url http://127.0.0.1:4510 rds describe-db-instances")]
    Simulator {
        /// The address to listen on. With port 0, the command chooses and prints a free port.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4510")]
        listen: SocketAddr,
        /// The world at the start; by default, the databases that the files in events/ name.
        #[arg(long, value_name = "FILE")]
        world: Option<PathBuf>,
        /// Simulated seconds per real second.
        #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
        speed: f64,
        /// The seed of all random choices.
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
    },
    /// Rehearse thousands of runs with faults, and judge each on the promises.
    ///
    /// The matrix comes first: every kind of fault at every moment of a run, on every kind of database, with every task.
    /// With `--seeds`, random combinations of two or three faults follow. For a run that breaks a promise, the command
    /// prints its timeline and the command that replays it.
    ///
    /// Exit status: 0 if every promise was kept, 1 if one was broken, 2 if the campaign could not be run.
    #[command(after_long_help = "Examples:\n  trapheus campaign --seeds 10000\n  \
                            trapheus campaign --family abort --event events/instance-restore.json\n  \
                            trapheus campaign --table docs/faults.md")]
    Campaign(campaign::command::Options),
    /// Measure the time, downtime, API calls and money that the pipeline adds to RDS's own.
    ///
    /// The command rehearses restores that take RDS ten minutes, an hour and six hours, of every kind of database.
    Overhead(overhead::Options),
    /// Restore many databases at once, in one account whose limit of RDS requests they share.
    ///
    /// The command rehearses N executions on copies of a database, all started at the same moment. It shows the RDS
    /// requests of each execution, and the total time.
    ///
    /// Exit status: 0 if every execution succeeded, 1 if one did not, 2 if they could not be rehearsed.
    #[command(after_long_help = "Examples:\n  trapheus fleet\n  \
                            trapheus fleet 30 --limit 5 --event events/aurora-cluster-restore.json")]
    Fleet(concurrent_runs::Options),
    /// Check a definition as Step Functions does, with its diagnostic codes.
    ///
    /// A name in the definition that AWS SAM replaces, such as `${WorkFunctionArn}`, stands for a Lambda function. The code
    /// `NOT_INTERPRETED` is not one of AWS's. AWS may accept such a definition, but no rehearsal can run it.
    ///
    /// Exit status: 0 if Step Functions accepts every definition, 1 if not, 2 if a file cannot be read.
    #[command(after_long_help = "Examples:\n  trapheus check statemachine/trapheus.asl.json")]
    Check {
        /// The files: Amazon States Language as JSON; `-` reads standard input.
        #[arg(value_name = "DEFINITION", required = true)]
        definitions: Vec<PathBuf>,
    },
    /// Draw the pictures of the state machine for the README and docs/.
    ///
    /// Run the command in the repository after a change of statemachine/trapheus.asl.json. Build first, since the
    /// definition is compiled in.
    ///
    /// Exit status: 0 if the pictures are written, or up to date; 1 if `--check` finds one that is not.
    Diagram {
        /// Compare with the existing pictures, and write nothing.
        #[arg(long)]
        check: bool,
        /// The folder of the pictures.
        #[arg(long, value_name = "FOLDER", default_value = "docs/pictures")]
        folder: PathBuf,
    },
}

/// The ways to replace a snapshot, as clap lists and suggests them.
fn replacements() -> impl TypedValueParser<Value = SnapshotReplacement> {
    PossibleValuesParser::new(["KeepUntilReplaced", "DeleteFirst"]).try_map(|name| name.parse::<SnapshotReplacement>())
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0);
    speed.ok_or_else(|| "give a number above 0, such as 60 for a minute in each second".to_owned())
}

/// The AWS account and region; by default, those of the environment.
#[derive(clap::Args, Debug)]
struct Account {
    /// The region; by default, that of the ARN or of the environment.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The profile of the AWS configuration.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

fn main() -> ExitCode {
    if faults::are_asked_for(std::env::args()) {
        anstream::print!("{}", faults::help(Width::of_stdout()));
        return ExitCode::SUCCESS;
    }
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(problem) => {
            anstream::eprintln!("{ERROR}error:{ERROR:#} {problem}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, String> {
    match command {
        Command::Rehearse {
            event,
            world,
            faults,
            no_recovery,
            seed,
            name,
            snapshot_replacement,
            final_snapshot,
            success_notice,
            json,
        } => {
            let event = read(&event)?;
            let event = serde_json::from_str(&event).map_err(|error| format!("the event is not JSON: {error}"))?;
            let name_of_world = world.as_deref().map_or(BUILT_IN_WORLD.to_owned(), |path| path.display().to_string());
            let world = read_world(world.as_deref())?;
            let rehearsal = Rehearsal {
                faults,
                recovery: !no_recovery,
                seed,
                name,
                snapshot_replacement,
                final_snapshot,
                success_notice,
                ..Rehearsal::new(event, world)
            };
            rehearse(rehearsal, &name_of_world, json)
        }
        Command::PreviewAlert { event, world, faults, seed, alert, format } => {
            let event = read(&event)?;
            let event = serde_json::from_str(&event).map_err(|error| format!("the event is not JSON: {error}"))?;
            let rehearsal = Rehearsal { faults, seed, ..Rehearsal::new(event, read_world(world.as_deref())?) };
            let alert = preview::alert(rehearsal, alert, format).map_err(|error| with_causes(&error))?;
            if let Some(alert) = &alert {
                anstream::print!("{alert}");
            } else {
                anstream::eprintln!("no alert was sent this way");
            }
            Ok(ExitCode::from(u8::from(alert.is_none())))
        }
        Command::Simulator { listen, world, speed, seed } => {
            let options = Options { seed, start_time: SystemTime::now(), speed };
            serve(listen, read_world(world.as_deref())?, options)
        }
        Command::Start { event, stack, state_machine_arn, name, follow, account } => {
            let event = read(&event)?;
            let event: Value =
                serde_json::from_str(&event).map_err(|error| format!("the event is not JSON: {error}"))?;
            let machine = stack.map(Machine::OfStack).or(state_machine_arn.map(Machine::Arn));
            let machine = machine.ok_or("give --stack or --state-machine-arn")?;
            in_an_account(start(&event, machine, name, follow, account))
        }
        Command::Follow { execution, account } => in_an_account(follow(&execution, account)),
        Command::Capture { options, account } => in_an_account(options.run(account.region, account.profile)),
        Command::Campaign(options) => options.run(),
        Command::Overhead(options) => options.run().map(|()| ExitCode::SUCCESS),
        Command::Fleet(options) => options.run(),
        Command::Check { definitions } => check(&definitions),
        Command::Diagram { check, folder } => draw(&folder, check),
    }
}

fn check(definitions: &[PathBuf]) -> Result<ExitCode, String> {
    let mut is_refused = false;
    for path in definitions {
        let text = read(path)?;
        let diagnostics = states_language::validate(&filled_in(&text));
        for diagnostic in &diagnostics {
            anstream::println!("{}: {diagnostic}", path.display());
        }
        let has_error = diagnostics.iter().any(|diagnostic| diagnostic.code.severity() == Severity::Error);
        anstream::println!("{}: {}", path.display(), if has_error { "FAIL" } else { "OK" });
        is_refused |= has_error;
    }
    Ok(ExitCode::from(u8::from(is_refused)))
}

fn rehearse(rehearsal: Rehearsal, world: &str, json: bool) -> Result<ExitCode, String> {
    let report = if json {
        let report = rehearsal.run(&mut ()).map_err(|error| with_causes(&error))?;
        let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        anstream::println!("{text}");
        report
    } else {
        let mut screen = Screen::new(anstream::stdout(), Width::of_stdout()).live();
        screen.show(rehearsal, world).map_err(|error| with_causes(&error))?
    };
    Ok(ExitCode::from(u8::from(!report.succeeded())))
}

/// The state machine to start.
enum Machine {
    OfStack(String),
    Arn(String),
}

fn in_an_account(work: impl Future<Output = Result<ExitCode, String>>) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(work)
}

async fn start(
    event: &Value,
    machine: Machine,
    name: Option<String>,
    is_followed: bool,
    account: Account,
) -> Result<ExitCode, String> {
    refuse_early(event)?;
    let (region, profile) = (account.region.clone(), account.profile.clone());
    let (sfn, machine) = match machine {
        Machine::Arn(arn) => (account::client(region.or_else(|| region_of(&arn)), profile).await, arn),
        Machine::OfStack(stack) => {
            let sfn = account::client(region, profile).await;
            let machine = account::state_machine_of(&sfn, &stack).await?;
            (sfn, machine)
        }
    };
    let name = name.unwrap_or_else(|| account::name_of(event, jiff::Timestamp::now()));
    let execution = account::start(&sfn, &machine, &name, event).await?;
    if is_followed {
        return follow(&execution, account).await;
    }
    anstream::println!("{execution}");
    Ok(ExitCode::SUCCESS)
}

/// Refuses an event before its start if the first step of the state machine would refuse it.
fn refuse_early(event: &Value) -> Result<(), String> {
    if event["task"] == "recover" {
        return Ok(());
    }
    let options = ValidateOptions::from_environment().map_err(|error| error.report())?;
    let event = ValidateEvent { execution: String::new(), start_time: SystemTime::now().into(), input: event.clone() };
    validate(options, event).map(drop).map_err(|error| error.report())
}

async fn follow(execution: &str, account: Account) -> Result<ExitCode, String> {
    let sfn = account::client(account.region.or_else(|| region_of(execution)), account.profile).await;
    let width = Width::of_stdout();
    let hint = "Ctrl-C stops watching, not the execution. `trapheus follow` with its ARN shows it again.";
    // A person copies the ARN, so it stays in one line.
    anstream::println!("{execution}\n{}\n", width.wrap(hint, "", ""));
    let mut screen = Screen::new(anstream::stdout(), width).live();
    let ended = account::follow(&sfn, execution, &mut screen).await;
    screen.finish();
    let ended = ended?;
    let style = style_of(ended.status);
    anstream::println!("\n{style}{}{style:#}", ended.status);
    if let Some(error) = &ended.error {
        anstream::println!("{ERROR}{error}{ERROR:#}");
        for line in lines_of_cause(ended.cause.as_deref().unwrap_or_default()) {
            anstream::println!("{}", width.wrap(line, "  ", "    "));
        }
    }
    Ok(ExitCode::from(u8::from(ended.status != "SUCCEEDED")))
}

/// The region in an ARN.
fn region_of(arn: &str) -> Option<String> {
    arn.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned)
}

fn serve(listen: SocketAddr, world: World, options: Options) -> Result<ExitCode, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        if !world.disturbances.is_empty() {
            return Err("disturbances are for `trapheus rehearse`; faults and meddling work here too".to_owned());
        }
        let simulator = Simulator::new(world, options).map_err(|error| with_causes(&error))?;
        let listener = tokio::net::TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        anstream::println!("serving RDS on http://{address}");
        tokio::select! {
            ended = rds_simulator::serve(simulator, listener) => {
                ended.map_err(|error| error.to_string())?;
                Ok(ExitCode::SUCCESS)
            }
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    })
}

fn draw(folder: &Path, check: bool) -> Result<ExitCode, String> {
    let definition =
        serde_json::from_str(DEFINITION).map_err(|error| format!("the definition is not JSON: {error}"))?;
    let mut outdated = false;
    for (name, picture) in diagram::pictures(&definition) {
        let path = folder.join(format!("{name}.svg"));
        if !check {
            fs::write(&path, picture).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        } else if fs::read_to_string(&path).ok().as_ref() != Some(&picture) {
            anstream::println!("{} is not up to date: run `trapheus diagram`", path.display());
            outdated = true;
        }
    }
    Ok(ExitCode::from(u8::from(outdated)))
}

fn read(path: &Path) -> Result<String, String> {
    let text =
        if path == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { fs::read_to_string(path) };
    text.map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn read_world(path: Option<&Path>) -> Result<World, String> {
    let (text, name) = match path {
        Some(path) => (read(path)?, path.display().to_string()),
        None => (DEFAULT_WORLD.to_owned(), "the built-in world".to_owned()),
    };
    World::from_json(&text).map_err(|error| format!("{name}: {}", with_causes(&error)))
}
