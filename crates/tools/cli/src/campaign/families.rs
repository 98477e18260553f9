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
        "Nothing goes wrong: every task on every kind of database, with slow, jittery and fast worlds.",
        "Works where the restore's defaults suit; parameter and option groups, Multi-AZ, IAM authentication, protection, tags and members' settings are lost.",
        "Succeeds, with the original's settings.";
    THROTTLED = "throttled":
        "A request is throttled, a few times in a row.",
        "Retried if it is the error name that a state lists; else the run ends.",
        "Retried by the SDK and by the state, with backoff and jitter.";
    UNAVAILABLE = "unavailable":
        "RDS answers 500 or 503, or refuses the connection, a few times in a row.",
        "The run ends, without rollback unless the error has one of two names.",
        "Retried like throttling.";
    OUTAGE = "outage":
        "Throttling or 503 that does not end.",
        "The run ends where it is; a renamed database stays renamed.",
        "The run fails once its retries are used up and is rolled back; where the outage lasts into the rollback, the final mail has the commands.";
    DENIED = "denied":
        "A request is denied by a policy.",
        "The run ends; a rename denied half-way through a cluster stays half-way.",
        "Not retried: fails with `AccessDeniedException` and is rolled back.";
    REFUSED = "refused":
        "RDS refuses a request with an error of its own: a quota, a state, a parameter.",
        "The run ends; rolled back only if the error is called `InstanceRestoreException` or `ClusterRestoreException`.",
        "Fails with the step's own error, is rolled back, and the mail says what the error means.";
    ANSWER_LOST = "answer-lost":
        "A request is carried out, and its answer never arrives.",
        "The repeated request meets its own result (`AlreadyExists`) and ends the run.",
        "The step looks again, finds its own doing, and goes on.";
    SLOW = "slow":
        "An answer takes minutes, or what was just created or renamed is not found for a while.",
        "About 155 seconds of patience for a rename; after that the run ends with the database renamed.",
        "Waited for.";
    LATE = "late":
        "What a change wrote, such as a tag, a name or a setting, shows a minute or more later, beside the lag of every run.",
        "Works on what it read first.",
        "Looked for again for two minutes before anything is concluded; the run succeeds.";
    LONG = "long":
        "What a request starts takes hours longer.",
        "Waiting over 90 minutes fails.",
        "Waited for until the run's deadline, a day by default.";
    STUCK = "stuck":
        "What a request starts never ends.",
        "Fails after 90 minutes without rollback.",
        "`WaitTimedOutException` at the deadline, then rolled back; what is itself stuck on the way back is left to a person, with the state it is in.";
    BAD_STATUS = "bad-status":
        "What a request starts ends in a status that is bad for good.",
        "No rollback: the restored database stays in its bad status under the name, the original stays renamed.",
        "Recognised at once, named in the mail with its remedy; what was restored is removed and the original put back.";
    READS = "reads":
        "A request that only looks is denied, throttled or answered with an error.",
        "The run ends where it is.",
        "Retried where that can help, else the run is rolled back.";
    FUNCTION_CRASH = "function-crash":
        "A function crashes before it has done anything, once or for good.",
        "The run ends where it is.",
        "Retried three times, then rolled back.";
    FUNCTION_LOST = "function-answer-lost":
        "A function does its work and crashes, or hangs until Lambda ends it, before it has answered.",
        "The run ends where it is, or repeats what was done and fails over that.",
        "Called again: it looks first and finds its work done.";
    FUNCTION_SERVICE = "function-service":
        "Lambda refuses a call with any of the errors that pass, such as a missing network interface or address.",
        "The run ends where it is.",
        "Retried with backoff for minutes.";
    SLEEPING = "sleeping":
        "Functions were idle for weeks, so Lambda refuses each call until minutes after the first; in the rollback, too.",
        "The run ends where it is.",
        "Woken before anything is changed, and called again for half an hour.";
    ABORT = "abort":
        "A person stops the execution, before or after a state's function has worked, in the rollback too.",
        "Everything stays as it is: a renamed database stays renamed.",
        "A rule starts a recovery, which goes through the same rollback and sends the mails.";
    SECOND_RUN = "second-run":
        "Another execution is started for the same database, at any moment.",
        "Both go on and harm each other.",
        "One of them is refused by the claim.";
    REDRIVE = "redrive":
        "A person stops the execution at any state, and redrives it seconds, minutes or hours later; or redrives a run that failed.",
        "Goes on with what it once read.",
        "Changes nothing more but what the rollback changes; the rule's recovery has the database back already, or a rollback of its own has.";
    TWO_RECOVERIES = "two-recoveries":
        "A person starts a recovery beside the run, or beside the recovery that the rule started, at any moment.",
        "There is no recovery.",
        "Both look at what there is now, and do what is still to be done.";
    MAIL = "mail":
        "Mails are refused, throttled or slow while a run fails.",
        "The rollback is cancelled.",
        "The rollback goes on.";
    SLACK = "slack":
        "Slack refuses, is slow or unreachable, for one webhook or for all, or their addresses cannot be read, while a run fails.",
        "The webhooks listed after the one that fails are not called; one that does not answer holds the function up.",
        "The other webhooks, the mail and the rollback go on.";
    NOTICE = "notice":
        "People want to hear of successes; mail or Slack fails then, or what comes after the notice does.",
        "Sends no notice of a success.",
        "The original is deleted all the same; a run that fails after its notice sends both alerts as well.";
    PEOPLE_RENAME = "people-rename":
        "A person renames the database, a member, or what was restored.",
        "The name is looked up again and whatever has it is worked on, or the run ends.",
        "Databases are found by resource id; what a person renamed is not touched against that person.";
    PEOPLE_DELETE = "people-delete":
        "A person deletes the original, a member, or what was restored.",
        "The run ends where it is.",
        "What is gone is not missed by the rollback; the final mail says what exists.";
    PEOPLE_STOP = "people-stop":
        "A person stops the database.",
        "Waits over 90 minutes, then ends.",
        "Refused before the rename; after it, the mail says how to start it.";
    PEOPLE_MODIFY = "people-modify":
        "A person changes settings meanwhile.",
        "A change of the original is lost with it.",
        "The original keeps the change after a rollback; a status that is not `available` is waited for.";
    PEOPLE_MEMBERS = "people-members":
        "A person adds a member to a cluster, or removes one.",
        "The added member is deleted with the original, or blocks its deletion.",
        "A member that the run does not know is not deleted, nor the cluster it is in.";
    PEOPLE_TAGS = "people-tags":
        "A person takes our tags off, or claims the database for another run.",
        "There are no tags.",
        "Nothing more is touched without the claim.";
    PEOPLE_NAMES = "people-names":
        "A person makes a database under a name that the run is about to use.",
        "The run ends with the original renamed; a later deletion by name hits the person's database.",
        "Not ours, so not touched: the mail says that a person has to decide.";
    PEOPLE_RESTORED = "people-restored":
        "A person changes tags, parameter groups or monitoring of the restored database before its settings are compared.",
        "Not looked at: stays so.",
        "Set back to what the original has; what is found too late for that fails the comparison and is rolled back.";
    PEOPLE_SNAPSHOTS = "people-snapshots":
        "A person deletes the snapshot, or takes one under a name of ours.",
        "Restores from whatever has the name, or ends with the original renamed.",
        "Fails before the rename where that can be seen, else rolled back.";
    SNAPSHOT = "snapshot":
        "The snapshot is missing, failed, still being made, or of another engine.",
        "Found out after the rename: the name has no database.",
        "Refused before anything is touched; one in the making is waited for.";
    QUOTA = "quota":
        "The account has no room for a database, a snapshot, or another retained backup.",
        "The run ends with the original renamed.",
        "Rolled back, or the leftover is kept and reported.";
    UNFIT = "unfit":
        "The database is missing, of the other kind, stopped, a replica, has a replica, or its temporary name is taken.",
        "Found out half-way, or never.",
        "Refused before anything is touched.";
    LEFTOVER = "leftover":
        "An earlier run left its claim or half a replacement of the snapshot.",
        "The new run ends over the taken name.",
        "The claim of a run that has ended is taken over; the replacement is finished.";
    INPUT = "input":
        "The input is not one: an unknown task, a missing or misspelt field.",
        "An unknown task runs the destructive pipeline.",
        "Refused by name.";
    EXPORT = "export":
        "A request or a function of an export fails, the execution is stopped or met by another run meanwhile, or the mail about the export fails.",
        "A refused export ends a run that was about to restore.",
        "The restore goes on and ends well; its output and a mail say that the export failed. A run that was only to take a snapshot and export it ends `FAILED`.";
    EXPORT_FAILED = "export-failed":
        "RDS fails, cancels or never finishes the export, has no place for it, or a person cancels it or deletes its snapshot.",
        "The original project does not look.",
        "A place is waited for, for a while; the end of the export only if the input asks. Told in the output and by mail; the database is as well as without an export.";
    ROLLBACK_REQUEST = "rollback-request":
        "A restore fails, and then a request of its rollback.",
        "The rollback ends; no mail says what exists.",
        "Retried where that can help; else the final mail says what exists and has the commands that finish it.";
    ROLLBACK_FUNCTION = "rollback-function":
        "A restore fails, and then a function of its rollback.",
        "The rollback ends; no mail says what exists.",
        "Called again.";
    ROLLBACK_ABORT = "rollback-abort":
        "A restore fails, and a person stops the execution in its rollback.",
        "Everything stays as it is.",
        "The recovery finishes the rollback.";
    COPIES = "copies":
        "An operator or a backup job restores a copy of the database from a snapshot taken during the run, with the tags of its source or other ones.",
        "The database that has a name of the run is taken for its own, a copy included.",
        "A claim names the resource id of its own database, so a copied claim counts for nothing, and the copy is not touched.";
    OTHER_BACKUP = "other-backup":
        "The snapshot is replaced during the run, or was taken of another database, or of an earlier database of the same name.",
        "Restores any snapshot that has the name.",
        "Preflight pins the snapshot by ARN, creation time and source; another one is refused, before the rename or at the restore.";
    STALE = "stale":
        "Step Functions does not know a stopped execution, or does not answer, when a recovery or another run asks about it.",
        "No step asks about other executions.",
        "Asked again for minutes; then the event of the rule counts, or the mail says that the execution could not be looked up.";
    LARGE = "large":
        "A cluster has 16 members with 46 maximal tags each, and the run fails or is stopped.",
        "The document outgrows the limit of Step Functions, and the run ends where it is.",
        "Tags are read where they are needed, so the document stays small; the database is restored or put back as any other.";
    LASTING = "lasting":
        "RDS works on the storage of the restored database for longer than the run may take.",
        "Waiting over 90 minutes fails.",
        "A database in service counts as restored; a rollback keeps its data in a final snapshot or in retained automated backups, or leaves it.";
    PEOPLE_SOON = "people-soon":
        "An operator stops, reboots, modifies, renames, deletes or snapshots a database 0 to 100 seconds after a step has changed it.",
        "The next call meets a status that it does not expect, and the run ends where it is.",
        "The step waits for the status to pass, or the run fails and is rolled back as far as the operator allows.";
    AUTO_SCALING = "auto-scaling":
        "Aurora Auto Scaling adds a reader to the cluster, or removes one, at any moment.",
        "A reader that is gone ends the run; a new one blocks the deletion of the original.",
        "Such a reader is no deviation: it is not restored, not renamed, and deleted with its cluster.";
    LAST_SNAPSHOT = "last-snapshot":
        "The only backup is the snapshot that the run replaces; the replacement fails or is stopped, or a person deletes a snapshot meanwhile.",
        "The old snapshot is deleted first, so that a failure leaves none.",
        "The old snapshot goes only when the new one is available.";
    SOURCES = "sources":
        "A run restores a named snapshot, the latest one, a moment or a clone, and a request or the execution fails.",
        "A run restores `<identifier>-snapshot` only.",
        "The run restores the chosen backup, or fails and is rolled back like any other restore.";
    DRY_RUN = "dry-run":
        "A dry run, in which a look fails or an operator stops the execution.",
        "There is no dry run.",
        "A dry run reports its plan or fails, and changes nothing.";
    RANDOM = "random":
        "Two or three of all these at once, in worlds that differ, by seed.",
        "",
        "";
}

/// Passing faults, which a run overcomes by itself.
pub const HARMLESS: &[&Family] = &[HAPPY, THROTTLED, UNAVAILABLE, ANSWER_LOST, SLOW, LATE, LONG, FUNCTION_SERVICE];

/// The family of this name.
pub fn named(name: &str) -> Option<&'static Family> {
    ALL.iter().copied().find(|family| family.name == name)
}
