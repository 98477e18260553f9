//! Commands of the AWS CLI, as errors and alerts name them.
//!
//! Only this module writes such a command: it quotes every value for a shell and names the region.

use std::fmt;

use crate::identifiers::DatabaseKind;

/// The AWS CLI in one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cli<'a> {
    region: &'a str,
}

/// A command. Options without a value are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    text: String,
    region: &'a str,
}

/// The data that the deletion of a database keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The name of a final snapshot.
    pub snapshot: Option<&'a str>,
    pub automated_backups: bool,
}

impl<'a> Cli<'a> {
    /// A CLI without a region, which its own configuration decides.
    pub const fn in_region(region: &'a str) -> Self {
        Self { region }
    }

    /// In the region of this ARN.
    pub fn in_region_of(arn: &'a str) -> Self {
        let mut parts = arn.split(':');
        let region = parts.next().filter(|first| *first == "arn").and_then(|_| parts.nth(2));
        Self::in_region(region.unwrap_or_default())
    }

    /// A command of RDS: `modify-db-instance`.
    pub fn rds(self, operation: &str) -> Command<'a> {
        self.of("rds", operation)
    }

    /// A command of any service: `describe-alarms` of `cloudwatch`.
    pub fn of(self, service: &str, operation: &str) -> Command<'a> {
        Command { text: format!("aws {service} {operation}"), region: self.region }
    }

    /// An operation on one database: `start` becomes `start-db-instance`.
    fn on(self, verb: &str, kind: DatabaseKind, identifier: &str) -> Command<'a> {
        self.rds(&format!("{verb}-{}", noun(kind))).with(&format!("--{}-identifier", noun(kind)), [identifier])
    }

    pub fn start(self, kind: DatabaseKind, identifier: &str) -> Command<'a> {
        self.on("start", kind, identifier)
    }

    /// Applies a change at once that waits for the maintenance window.
    pub fn apply_pending(self, kind: DatabaseKind, identifier: &str) -> Command<'a> {
        self.on("modify", kind, identifier).flag("--apply-immediately")
    }

    pub fn rename(self, kind: DatabaseKind, from: &str, to: &str) -> Command<'a> {
        let new = format!("--new-{}-identifier", noun(kind));
        self.on("modify", kind, from).with(&new, [to]).flag("--apply-immediately")
    }

    /// Turns deletion protection on or off.
    pub fn protect(self, kind: DatabaseKind, identifier: &str, on: bool) -> Command<'a> {
        let flag = if on { "--deletion-protection" } else { "--no-deletion-protection" };
        self.on("modify", kind, identifier).flag(flag).flag("--apply-immediately")
    }

    pub fn delete(self, kind: DatabaseKind, identifier: &str, kept: Kept<'_>) -> Command<'a> {
        let command = self.on("delete", kind, identifier);
        let command = match kept.snapshot {
            Some(snapshot) => command.with("--final-db-snapshot-identifier", [snapshot]),
            None => command.flag("--skip-final-snapshot"),
        };
        if kept.automated_backups { command.flag("--no-delete-automated-backups") } else { command }
    }

    /// Deletes a member of an Aurora cluster, whose data belongs to the cluster.
    pub fn delete_member(self, identifier: &str) -> Command<'a> {
        self.on("delete", DatabaseKind::Instance, identifier)
    }

    /// Waits until the database is `available` or `deleted`.
    pub fn wait(self, kind: DatabaseKind, goal: &str, identifier: &str) -> Command<'a> {
        let noun = noun(kind);
        self.rds(&format!("wait {noun}-{goal}")).with(&format!("--{noun}-identifier"), [identifier])
    }

    pub fn copy_snapshot(self, kind: DatabaseKind, from: &str, to: &str) -> Command<'a> {
        let noun = snapshot_noun(kind);
        let command = self.rds(&format!("copy-{noun}")).with(&format!("--source-{noun}-identifier"), [from]);
        command.with(&format!("--target-{noun}-identifier"), [to])
    }

    pub fn create_snapshot(self, kind: DatabaseKind, of: &str, identifier: &str) -> Command<'a> {
        let noun = snapshot_noun(kind);
        let command = self.rds(&format!("create-{noun}")).with(&format!("--{}-identifier", self::noun(kind)), [of]);
        command.with(&format!("--{noun}-identifier"), [identifier])
    }

    pub fn delete_snapshot(self, kind: DatabaseKind, identifier: &str) -> Command<'a> {
        let noun = snapshot_noun(kind);
        self.rds(&format!("delete-{noun}")).with(&format!("--{noun}-identifier"), [identifier])
    }

    pub fn remove_tags<'t>(self, arn: &str, keys: impl IntoIterator<Item = &'t str>) -> Command<'a> {
        self.rds("remove-tags-from-resource").with("--resource-name", [arn]).with("--tag-keys", keys)
    }

    /// Starts an execution of a state machine.
    pub fn start_execution(self, state_machine: &str, input: &str) -> Command<'a> {
        let command = self.of("stepfunctions", "start-execution");
        command.with("--state-machine-arn", [state_machine]).with("--input", [input])
    }
}

impl Command<'_> {
    /// The option with its values; no option if there are no values.
    #[must_use]
    pub fn with<'v>(mut self, option: &str, values: impl IntoIterator<Item = &'v str>) -> Self {
        for (position, value) in values.into_iter().enumerate() {
            if position == 0 {
                self = self.flag(option);
            }
            self.text.push(' ');
            self.text.push_str(&word(value));
        }
        self
    }

    /// An option that takes no value.
    #[must_use]
    pub fn flag(mut self, option: &str) -> Self {
        self.text.push(' ');
        self.text.push_str(option);
        self
    }
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if self.region.is_empty() { Ok(()) } else { write!(f, " --region {}", word(self.region)) }
    }
}

const fn noun(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "db-instance",
        DatabaseKind::Cluster => "db-cluster",
    }
}

const fn snapshot_noun(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "db-snapshot",
        DatabaseKind::Cluster => "db-cluster-snapshot",
    }
}

/// One word of a shell command, in quotes if a shell would split or expand it.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/=@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_command_cannot_become_another_command() {
        assert_eq!(word("orders-temp"), "orders-temp");
        assert_eq!(word("a; rm -rf 'x'"), r"'a; rm -rf '\''x'\'''");
        assert_eq!(word(""), "''");
        let command = Cli::in_region("eu west").start(DatabaseKind::Instance, "$(reboot)").to_string();
        assert_eq!(command, "aws rds start-db-instance --db-instance-identifier '$(reboot)' --region 'eu west'");
    }

    #[test]
    fn the_region_comes_from_an_arn_or_is_left_to_the_cli() {
        let of = |arn| Cli::in_region_of(arn).apply_pending(DatabaseKind::Cluster, "shop").to_string();
        let command = "aws rds modify-db-cluster --db-cluster-identifier shop --apply-immediately";
        assert_eq!(of("arn:aws-cn:rds:cn-north-1:123456789012:cluster:shop"), format!("{command} --region cn-north-1"));
        assert_eq!(of("run-1"), command);
        assert_eq!(of("a:b:c:d"), command);
    }

    #[test]
    fn an_option_without_a_value_is_left_out() {
        let command = Cli::in_region("").rds("create-db-instance").with("--engine", ["mysql"]).with("--class", None);
        assert_eq!(command.to_string(), "aws rds create-db-instance --engine mysql");
    }

    #[test]
    fn a_deletion_says_which_data_it_keeps() {
        let cli = Cli::in_region("");
        let delete = |kept| cli.delete(DatabaseKind::Instance, "orders", kept).to_string();
        let of_orders = "aws rds delete-db-instance --db-instance-identifier orders";
        assert_eq!(delete(Kept::default()), format!("{of_orders} --skip-final-snapshot"));
        assert_eq!(
            delete(Kept { snapshot: Some("last"), automated_backups: true }),
            format!("{of_orders} --final-db-snapshot-identifier last --no-delete-automated-backups")
        );
        assert_eq!(
            cli.delete_member("shop-1").to_string(),
            "aws rds delete-db-instance --db-instance-identifier shop-1"
        );
    }
}
