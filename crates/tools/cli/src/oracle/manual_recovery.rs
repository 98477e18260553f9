//! Runs the commands of a final mail, as a person would: its `aws rds …` lines, in order, against the simulated RDS.
//!
//! This module translates lines of the AWS CLI into requests of the Query protocol, as far as mails need them. An
//! unreadable line counts as a problem of the mail. The simulated person has every permission, and waits where the mail
//! says so. The person tries again if RDS says that a database is not in the right state yet.

use std::collections::BTreeMap;
use std::time::Duration;

use rds_simulator::{Intervention, Outcome, Simulator, When, WorldState};
use serde_json::Value;

/// The longest wait for RDS to accept one command, or for the goal of a wait.
const PATIENCE: Duration = Duration::from_secs(12 * 3_600);
const BETWEEN_TRIES: Duration = Duration::from_secs(60);

/// The result of the commands.
#[derive(Clone, Debug)]
pub struct ManualRecovery {
    /// The world after all work in it has ended.
    pub after: WorldState,
    /// The first command that failed, and the reason.
    pub problem: Option<String>,
}

/// Runs the commands of the mail. Returns `None` if it has none.
pub async fn play(simulator: &Simulator, mail: &str) -> Option<ManualRecovery> {
    let lines: Vec<&str> = mail.lines().filter(|line| line.starts_with("aws rds ")).collect();
    if lines.is_empty() {
        return None;
    }
    let mut problem = None;
    for line in lines {
        if let Err(why) = run(simulator, line).await {
            problem = Some(format!("`{line}`: {why}"));
            break;
        }
    }
    settle(simulator).await;
    Some(ManualRecovery { after: simulator.state(), problem })
}

/// The execution whose recovery a command of the mail starts.
pub fn recovered(mail: &str) -> Option<String> {
    let line = mail.lines().find(|line| line.starts_with("aws stepfunctions start-execution "))?;
    let words = words(line);
    let input = words.iter().skip_while(|word| *word != "--input").nth(1)?;
    let input: Value = serde_json::from_str(input).ok()?;
    let execution = input["execution"].as_str().filter(|_| input["task"] == "recover")?;
    // The state machine has to be the one of the execution.
    let machine = execution.rsplit_once(':')?.0.replacen(":execution:", ":stateMachine:", 1);
    words.contains(&machine).then(|| execution.to_owned())
}

/// Lets time pass until no work is under way. After two days it gives up.
pub async fn settle(simulator: &Simulator) {
    let patience = simulator.now() + Duration::from_secs(48 * 3_600);
    while let Some(next) = simulator.next_change().filter(|next| *next < patience) {
        tokio::time::sleep(next.saturating_sub(simulator.now()) + Duration::from_millis(1)).await;
    }
}

async fn run(simulator: &Simulator, line: &str) -> Result<(), String> {
    let words = words(line);
    match words.get(2).map(String::as_str) {
        Some("wait") => wait(simulator, &words[3..]).await,
        Some(command) => ask(simulator, command, &words[3..]).await,
        None => Err("there is no command".to_owned()),
    }
}

async fn wait(simulator: &Simulator, words: &[String]) -> Result<(), String> {
    let [waiter, _, name, ..] = words else { return Err("it does not say what to wait for".to_owned()) };
    let patience = simulator.now() + PATIENCE;
    loop {
        let state = simulator.state();
        let instance = || state.instance(name).filter(|found| found.answers);
        let cluster = || state.cluster(name).filter(|found| found.answers);
        let holds = match waiter.as_str() {
            "db-instance-available" => instance().is_some_and(|found| found.status.as_ref() == "available"),
            "db-cluster-available" => cluster().is_some_and(|found| found.status.as_ref() == "available"),
            "db-instance-deleted" => state.instance(name).is_none(),
            "db-cluster-deleted" => state.cluster(name).is_none(),
            other => return Err(format!("there is no waiter {other}")),
        };
        if holds {
            return Ok(());
        }
        if simulator.now() > patience {
            return Err("it never came to be".to_owned());
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

async fn ask(simulator: &Simulator, command: &str, words: &[String]) -> Result<(), String> {
    let action = camel(command);
    let parameters = parameters(words)?;
    let patience = simulator.now() + PATIENCE;
    loop {
        // The simulator offers this way to make a person's request to RDS.
        let when = When::At(simulator.now().as_secs_f64());
        simulator.intervene(Intervention { when, action: action.clone(), parameters: parameters.clone() });
        let outcome = simulator.requests().pop().map(|request| request.outcome);
        match outcome {
            Some(Outcome::Ok) => return Ok(()),
            Some(Outcome::Error(code)) if code.contains("State") && simulator.now() < patience => {
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
            Some(Outcome::Error(code)) => return Err(code),
            other => return Err(format!("{other:?}")),
        }
    }
}

/// The words of a shell command. A quote always encloses a whole word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// `modify-db-instance` as `ModifyDBInstance`.
fn camel(kebab: &str) -> String {
    let word = |word: &str| match word {
        "db" => "DB".to_owned(),
        "az" => "AZ".to_owned(),
        word => {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
        }
    };
    kebab.split('-').map(word).collect()
}

/// Options as the Query protocol spells them.
fn parameters(words: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut parameters = BTreeMap::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else { return Err(format!("{word} belongs to no option")) };
        let mut values = Vec::new();
        while let Some(value) = words.next_if(|word| !word.starts_with("--")) {
            values.push(value.clone());
        }
        match (option, values.as_slice()) {
            ("region", _) => {}
            ("tag-keys", keys) => list(&mut parameters, "TagKeys.member", keys),
            ("vpc-security-group-ids", groups) => {
                list(&mut parameters, "VpcSecurityGroupIds.VpcSecurityGroupId", groups);
            }
            (option, []) => {
                let (name, value) = option.strip_prefix("no-").map_or((option, "true"), |name| (name, "false"));
                parameters.insert(camel(name), value.to_owned());
            }
            (option, [value]) => {
                parameters.insert(camel(option), value.clone());
            }
            (option, _) => return Err(format!("--{option} has more than one value")),
        }
    }
    Ok(parameters)
}

fn list(parameters: &mut BTreeMap<String, String>, name: &str, values: &[String]) {
    for (number, value) in (1..).zip(values) {
        parameters.insert(format!("{name}.{number}"), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_starts_a_recovery_names_its_execution() {
        let [machine, execution] = ["stateMachine:t", "execution:t:one"].map(|end| format!("arn:aws:states:r:1:{end}"));
        let line =
            |input: &str| format!("aws stepfunctions start-execution --state-machine-arn {machine} --input '{input}'");
        let input = format!(r#"{{"task":"recover","execution":"{execution}"}}"#);
        assert_eq!(recovered(&line(&input)), Some(execution));
        assert_eq!(recovered(&line(&input.replace(":t:", ":other:"))), None);
        assert_eq!(recovered(&line(&input.replace("recover", "db_restore"))), None);
        assert_eq!(recovered(&line("{")), None);
    }

    #[test]
    fn a_line_of_the_cli_becomes_a_request() {
        let line = "aws rds modify-db-instance --db-instance-identifier 'orders temp' --new-db-instance-identifier orders \
                    --apply-immediately --no-deletion-protection --vpc-security-group-ids sg-1 sg-2 --region eu-west-1";
        let words = words(line);
        assert_eq!(camel(&words[2]), "ModifyDBInstance");
        let expected = [
            ("ApplyImmediately", "true"),
            ("DBInstanceIdentifier", "orders temp"),
            ("DeletionProtection", "false"),
            ("NewDBInstanceIdentifier", "orders"),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1"),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.2", "sg-2"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parameters(&words[3..]), Ok(BTreeMap::from(expected)));
    }
}
