//! The kinds of faults: the event, the behaviour of the original project, and the behaviour of this one.
//!
//! This module owns the text of `docs/faults.md`. The behaviour of the original project is taken from its README and its
//! functions.

/// Faults of one kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    /// The event, in words for readers.
    pub what: &'static str,
    /// The behaviour of the original project.
    pub original: &'static str,
    /// The behaviour of this project.
    pub ours: &'static str,
}

macro_rules! families {
    ($($constant:ident = $name:literal: $what:literal, $original:literal, $ours:literal;)*) => {
        $(pub const $constant: &Family = &Family { name: $name, what: $what, original: $original, ours: $ours };)*
        /// Every family, in the order of the documentation.
        pub const ALL: &[&Family] = &[$($constant),*];
    };
}

families! {
    HAPPY = "happy":
        "No fault: every task on every kind of database, in slow, jittery and fast worlds.",
        "The run succeeds where the restore's defaults suit. The restored database lacks parameter and option groups, Multi-AZ, IAM authentication, protection, tags and members' settings.",
        "The run succeeds, and the restored database has the original's settings.";
    THROTTLED = "throttled":
        "AWS throttles a request a few times in a row.",
        "A state retries if it lists the error's name. Otherwise the run ends.",
        "The SDK and the state retry, with backoff and jitter.";
    UNAVAILABLE = "unavailable":
        "RDS answers 500 or 503, or refuses the connection, a few times in a row.",
        "The run ends, without rollback unless the error has one of two names.",
        "The SDK and the state retry, as after throttling.";
    OUTAGE = "outage":
        "RDS throttles or answers 503 without end.",
        "The run ends at this step; a renamed database stays renamed.",
        "The run fails after its last retry and is rolled back. If the outage lasts into the rollback, the final mail has the commands.";
    DENIED = "denied":
        "A policy denies a request.",
        "The run ends. A rename denied half-way through a cluster stays half-way.",
        "The run does not retry, fails with `AccessDeniedException` and is rolled back.";
    REFUSED = "refused":
        "RDS refuses a request with an error of its own: a quota, a state, a parameter.",
        "The run ends. A rollback follows only an error called `InstanceRestoreException` or `ClusterRestoreException`.",
        "The run fails with the step's own error and is rolled back. The mail explains the error.";
    ANSWER_LOST = "answer-lost":
        "AWS carries out a request, and its answer never arrives.",
        "The repeated request meets its own result (`AlreadyExists`) and ends the run.",
        "The step reads again, finds its own change, and continues.";
    SLOW = "slow":
        "An answer takes minutes, or RDS does not yet find a new or renamed resource.",
        "The run waits about 155 seconds for a rename. Then it ends with the database renamed.",
        "The run waits.";
    LATE = "late":
        "RDS shows a change, such as a tag, name or setting, a minute or more later. The delay adds to the lag of every run.",
        "The run works on its first read.",
        "The step reads for two minutes before it draws a conclusion. The run succeeds.";
    LONG = "long":
        "An operation of RDS takes hours longer.",
        "A wait of over 90 minutes fails.",
        "The run waits until its deadline, a day by default.";
    STUCK = "stuck":
        "An operation of RDS never ends.",
        "The run fails after 90 minutes, without rollback.",
        "The wait fails with `WaitTimedOutException` at the deadline, and the run is rolled back. If a database is stuck in the rollback too, the final mail gives its status to an operator.";
    BAD_STATUS = "bad-status":
        "An operation of RDS ends in a status that stays bad.",
        "No rollback follows. The restored database keeps the bad status and the name, and the original stays renamed.",
        "The run recognises the status at once, and the mail names it with its remedy. The rollback removes the restored database and gives the original its name back.";
    READS = "reads":
        "AWS denies or throttles a read, or answers it with an error.",
        "The run ends at this step.",
        "The step retries where a retry can help. Otherwise the run is rolled back.";
    FUNCTION_CRASH = "function-crash":
        "A function crashes before it does any work, once or every time.",
        "The run ends at this step.",
        "The state retries three times, then the run is rolled back.";
    FUNCTION_LOST = "function-answer-lost":
        "A function does its work, then crashes or hangs until Lambda ends it. Its answer never arrives.",
        "The run ends at this step, or repeats the work and fails over its result.",
        "The state calls the function again, which reads first and finds its work done.";
    FUNCTION_SERVICE = "function-service":
        "Lambda refuses a call with any of its passing errors, such as a missing network interface or address.",
        "The run ends at this step.",
        "The state retries for minutes, with backoff.";
    SLEEPING = "sleeping":
        "Functions were idle for weeks, so Lambda refuses their calls until minutes after the first, also in the rollback.",
        "The run ends at this step.",
        "The run wakes the functions before any change, and calls them again for half an hour.";
    ABORT = "abort":
        "An operator stops the execution before or after the work of a state's function, also in the rollback.",
        "Every database stays as it is: a renamed database stays renamed.",
        "A rule starts a recovery, which runs the same rollback and sends the mails.";
    SECOND_RUN = "second-run":
        "Another execution starts for the same database, at any moment.",
        "Both executions continue and harm each other.",
        "The claim refuses one of them.";
    REDRIVE = "redrive":
        "An operator stops the execution at any state, and redrives it seconds, minutes or hours later. Or an operator redrives a failed run.",
        "The run continues with its old reads.",
        "The redriven run makes no change except those of the rollback. The rule's recovery, or the run's own rollback, has already put the original back.";
    TWO_RECOVERIES = "two-recoveries":
        "An operator starts a recovery beside the run, or beside the rule's recovery, at any moment.",
        "The original project has no recovery.",
        "Both recoveries read the existing databases, and do the work that remains.";
    MAIL = "mail":
        "SES refuses, throttles or delays mails while a run fails.",
        "The failed mail cancels the rollback.",
        "The rollback continues.";
    SLACK = "slack":
        "Slack refuses, is slow or unreachable, for one webhook or all, while a run fails. Or the function cannot read the webhooks' addresses.",
        "The function calls no webhook after one that fails. A webhook without an answer holds the function up.",
        "The other webhooks, the mail and the rollback continue.";
    NOTICE = "notice":
        "The stack sends notices of success. Mail or Slack fails, or a step after the notice does.",
        "The original project sends no notice of a success.",
        "The run deletes the original all the same. A run that fails after its notice sends both alerts as well.";
    PEOPLE_RENAME = "people-rename":
        "An operator renames the database, a member, or the restored database.",
        "The run looks the name up again and works on any database that has it, or ends.",
        "The run finds databases by resource id, and never acts against an operator's rename.";
    PEOPLE_DELETE = "people-delete":
        "An operator deletes the original, a member, or the restored database.",
        "The run ends at this step.",
        "The rollback skips a deleted database, and the final mail lists the existing ones.";
    PEOPLE_STOP = "people-stop":
        "An operator stops the database.",
        "The run waits over 90 minutes, then ends.",
        "Preflight refuses the run before the rename. After the rename, the mail says how to start the database.";
    PEOPLE_MODIFY = "people-modify":
        "An operator changes settings during the run.",
        "A change to the original is lost with the original.",
        "The original keeps the change after a rollback. The run waits while a status is not `available`.";
    PEOPLE_MEMBERS = "people-members":
        "An operator adds a member to a cluster, or removes one.",
        "The run deletes the added member with the original, or the member blocks the deletion.",
        "The run deletes neither a member that it does not know nor that member's cluster.";
    PEOPLE_TAGS = "people-tags":
        "An operator removes the run's tags, or claims the database for another run.",
        "The original project sets no tags.",
        "Without its claim, the run changes nothing more.";
    PEOPLE_NAMES = "people-names":
        "An operator creates a database under a name that the run is about to use.",
        "The run ends with the original renamed. A later deletion by name hits the operator's database.",
        "The run does not touch a database that is not its own. The mail leaves the decision to an operator.";
    PEOPLE_RESTORED = "people-restored":
        "An operator changes tags, parameter groups or monitoring of the restored database before the verification.",
        "The run does not compare settings, so the change stays.",
        "The run sets the original's values again. A change that comes too late for that fails the verification, and the run is rolled back.";
    PEOPLE_SNAPSHOTS = "people-snapshots":
        "An operator deletes the snapshot, or takes one under a name of the run.",
        "The run restores any snapshot with the name, or ends with the original renamed.",
        "The run fails before the rename if RDS shows the change by then. Otherwise the run is rolled back.";
    SNAPSHOT = "snapshot":
        "The snapshot is missing, failed, still being made, or of another engine.",
        "The run finds out after the rename, so no database has the name.",
        "Preflight refuses the run before any change. The run waits for a snapshot that is still being made.";
    QUOTA = "quota":
        "The account has no room for a database, a snapshot, or another retained backup.",
        "The run ends with the original renamed.",
        "The run is rolled back, or keeps the leftover and reports it.";
    UNFIT = "unfit":
        "The database is missing, stopped, a replica or of the other kind. Or it has a replica, or its temporary name is taken.",
        "The run finds out half-way, or never.",
        "Preflight refuses the run before any change.";
    LEFTOVER = "leftover":
        "An earlier run left its claim or half a replacement of the snapshot.",
        "The new run ends because the name is taken.",
        "The run takes over the claim of an ended run, and finishes the replacement.";
    INPUT = "input":
        "The input is invalid: an unknown task, a missing or misspelt field.",
        "An unknown task runs the destructive pipeline.",
        "The run refuses the input and names each problem.";
    EXPORT = "export":
        "A request, a function or the mail of an export fails. Or an operator stops the execution, or another run meets it.",
        "A refused export ends a run that was about to restore.",
        "The restore continues and succeeds; its output and a mail report the failed export. A run of only a snapshot and its export ends `FAILED`.";
    EXPORT_FAILED = "export-failed":
        "RDS fails, cancels or never finishes the export, or has no place for it. Or an operator cancels the export or deletes its snapshot.",
        "The original project does not read the export's status.",
        "The run waits a limited time for a place, and for the export's end only if the input asks. The output and a mail report the failure. The database is the same as without an export.";
    ROLLBACK_REQUEST = "rollback-request":
        "A restore fails, and then a request of its rollback fails.",
        "The rollback ends, and no mail lists the existing databases.",
        "The rollback retries where a retry can help. Otherwise the final mail lists the existing databases and the commands that finish the rollback.";
    ROLLBACK_FUNCTION = "rollback-function":
        "A restore fails, and then a function of its rollback fails.",
        "The rollback ends, and no mail lists the existing databases.",
        "The state calls the function again.";
    ROLLBACK_ABORT = "rollback-abort":
        "A restore fails, and an operator stops the execution in its rollback.",
        "Every database stays as it is.",
        "The recovery finishes the rollback.";
    COPIES = "copies":
        "An operator or a backup job restores a copy from a snapshot taken during the run. The copy has its source's tags or other ones.",
        "The run takes any database with one of its names for its own, also a copy.",
        "A claim names the resource id of its own database. A copied claim has no effect, and the run does not touch the copy.";
    OTHER_BACKUP = "other-backup":
        "An operator replaces the snapshot during the run. Or the snapshot is of another database, or of an earlier one of that name.",
        "The run restores any snapshot with the name.",
        "Preflight pins the snapshot by ARN, creation time and source. The run refuses any other, before the rename or at the restore.";
    STALE = "stale":
        "A recovery or another run asks about a stopped execution. Step Functions does not know it, or does not answer.",
        "No step asks about other executions.",
        "The step asks again for minutes. Then the rule's event counts, or the mail reports the failed look-up of the execution.";
    LARGE = "large":
        "A cluster has 16 members with 46 maximal tags each, and the run fails or is stopped.",
        "The document outgrows the limit of Step Functions, and the run ends at this step.",
        "The steps read tags only where they need them, so the document stays small. The restore or rollback succeeds as for any other database.";
    LASTING = "lasting":
        "RDS works on the storage of the restored database for longer than the run may take.",
        "A wait of over 90 minutes fails.",
        "A database in service counts as restored. A rollback keeps its data in a final snapshot or in retained automated backups, or leaves the database.";
    PEOPLE_SOON = "people-soon":
        "An operator stops, reboots, modifies, renames, deletes or snapshots a database. The request comes 0 to 100 seconds after a step's change.",
        "The next call meets an unexpected status, and the run ends at this step.",
        "The step waits for the status to pass, or the run fails. The rollback then goes as far as the operator allows.";
    AUTO_SCALING = "auto-scaling":
        "Aurora Auto Scaling adds a reader to the cluster, or removes one, at any moment.",
        "A missing reader ends the run; a new one blocks the deletion of the original.",
        "Such a reader is no deviation. The run does not restore or rename it, and deletes it with its cluster.";
    LAST_SNAPSHOT = "last-snapshot":
        "The only backup is the snapshot that the run replaces. The replacement fails, or an operator stops it or deletes a snapshot.",
        "The run deletes the old snapshot first, so a failure leaves none.",
        "The run deletes the old snapshot only when the new one is available.";
    SOURCES = "sources":
        "A run restores a named snapshot, the latest snapshot, a moment or a clone. A request or the execution fails.",
        "A run restores `<identifier>-snapshot` only.",
        "The run restores the chosen backup, or fails and is rolled back like any other restore.";
    DRY_RUN = "dry-run":
        "A read of a dry run fails, or an operator stops its execution.",
        "The original project has no dry run.",
        "A dry run reports its plan or fails, and changes nothing.";
    RANDOM = "random":
        "Two or three of these faults at once, in worlds that differ, by seed.",
        "",
        "";
}

/// Passing faults, which a run overcomes by itself.
pub const HARMLESS: &[&Family] = &[HAPPY, THROTTLED, UNAVAILABLE, ANSWER_LOST, SLOW, LATE, LONG, FUNCTION_SERVICE];

/// The family of this name.
pub fn named(name: &str) -> Option<&'static Family> {
    ALL.iter().copied().find(|family| family.name == name)
}
