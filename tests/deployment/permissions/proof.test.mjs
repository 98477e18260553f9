// Tests that AWS itself refuses a wrong request of a function's code, and that the proof reports it.
//
//     EXPANDED=expanded.json node --test proof.test.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Proof, checksOf } from "./proof.mjs";

const EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:trapheus-DBRestoreStateMachine:run";
const KEY = "arn:aws:kms:us-east-1:210987654321:key/0b9e5d8c-1111-2222-3333-444455556666";
const template = JSON.parse(readFileSync(process.env.EXPANDED, "utf8"));
const proof = new Proof(template);

function marked(role) {
  return { tags: { "trapheus:execution": EXECUTION, "trapheus:role": role } };
}

function tags(all) {
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value], index) => [
      [`Tags.Tag.${index + 1}.Key`, key],
      [`Tags.Tag.${index + 1}.Value`, value],
    ]),
  );
}

function rds(caller, action, parameters, resources = {}) {
  return { caller, service: "rds", action, parameters, resources };
}

async function deniedOf(request, parameters) {
  const denied = await proof.denied(checksOf([request], parameters));
  return denied.map(({ action, resource }) => `${action} ${resource.split(":").slice(5).join(":")}`);
}

async function isAllowed(request, parameters) {
  assert.deepEqual(await deniedOf(request, parameters), []);
}

async function isDenied(request, parameters) {
  assert.notDeepEqual(await deniedOf(request, parameters), []);
}

/** The three tags of a claim in a request. */
function claim(role) {
  return { "trapheus:execution": EXECUTION, "trapheus:role": role, "trapheus:resource-id": "db-ABC" };
}

const arnOf = (type, name) => `arn:aws:rds:us-east-1:123456789012:${type}:${name}`;
const ours = { "trapheus:execution": EXECUTION, "trapheus:role": "restored" };
const theirs = { ...ours, "trapheus:execution": EXECUTION.replace("trapheus-", "another-stack-") };

/** A restore, a creation or a copy: the function, the call, its parameters, the created resource, and its role. */
const CREATIONS = [
  ["restore-instance", "RestoreDBInstanceFromDBSnapshot", { DBInstanceIdentifier: "orders", DBSnapshotIdentifier: "orders-snapshot" }, "db:orders", "restored"],
  ["restore-cluster", "RestoreDBClusterFromSnapshot", { DBClusterIdentifier: "shop", SnapshotIdentifier: "shop-snapshot" }, "cluster:shop", "restored"],
  ["restore-cluster", "CreateDBInstance", { DBInstanceIdentifier: "shop-1", DBClusterIdentifier: "shop" }, "db:shop-1", "restored"],
  ["snapshot-instance", "CreateDBSnapshot", { DBInstanceIdentifier: "orders", DBSnapshotIdentifier: "orders-temp" }, "snapshot:orders-temp", "snapshot"],
  ["snapshot-instance", "CopyDBSnapshot", { SourceDBSnapshotIdentifier: "orders-temp", TargetDBSnapshotIdentifier: "orders-snapshot" }, "snapshot:orders-snapshot", "snapshot"],
  ["snapshot-cluster", "CreateDBClusterSnapshot", { DBClusterIdentifier: "shop", DBClusterSnapshotIdentifier: "shop-temp" }, "cluster-snapshot:shop-temp", "snapshot"],
  ["snapshot-cluster", "CopyDBClusterSnapshot", { SourceDBClusterSnapshotIdentifier: "shop-temp", TargetDBClusterSnapshotIdentifier: "shop-snapshot" }, "cluster-snapshot:shop-snapshot", "snapshot"],
];

test("the original is deleted only under its temporary name and only with its claim", async () => {
  const remove = (name, role) =>
    rds("delete-instance", "DeleteDBInstance", { DBInstanceIdentifier: name }, { [`db:${name}`]: role });
  await isAllowed(remove("orders-temp", marked("original")));
  await isDenied(remove("orders", marked("original")));
  await isDenied(remove("orders-temp", marked("restored")));
  await isDenied(remove("orders-temp", { tags: {} }));
});

test("a discarded database carries our claim as restored and is not verified", async () => {
  for (const [caller, action, parameter, type] of [
    ["discard-instance", "DeleteDBInstance", "DBInstanceIdentifier", "db"],
    ["discard-cluster", "DeleteDBCluster", "DBClusterIdentifier", "cluster"],
    ["discard-cluster", "DeleteDBInstance", "DBInstanceIdentifier", "db"],
  ]) {
    const discard = (resource) => rds(caller, action, { [parameter]: "orders" }, { [`${type}:orders`]: resource });
    await isAllowed(discard(marked("restored")));
    await isDenied(discard(marked("original")));
    await isDenied(discard(marked("verified")));
    await isDenied(discard({ tags: { "trapheus:execution": "by hand", "trapheus:role": "restored" } }));
    await isDenied(discard({ tags: { team: "shop" } }));
  }
});

/** A change of a database that carries a claim: the function, the call, its parameters, the database, and its role. */
const CHANGES_OF_CLAIMED = [
  ["configure-instance", "ModifyDBInstance", { DBInstanceIdentifier: "orders" }, "db:orders", "restored"],
  ["configure-cluster", "ModifyDBCluster", { DBClusterIdentifier: "shop" }, "cluster:shop", "restored"],
  ["protect-instance", "ModifyDBInstance", { DBInstanceIdentifier: "orders" }, "db:orders", "verified"],
  ["protect-cluster", "ModifyDBCluster", { DBClusterIdentifier: "shop" }, "cluster:shop", "verified"],
  ["delete-instance", "DeleteDBInstance", { DBInstanceIdentifier: "orders-temp" }, "db:orders-temp", "original"],
  ["delete-cluster", "DeleteDBCluster", { DBClusterIdentifier: "shop-temp" }, "cluster:shop-temp", "original"],
  ["discard-instance", "DeleteDBInstance", { DBInstanceIdentifier: "orders" }, "db:orders", "restored"],
  ["discard-cluster", "DeleteDBCluster", { DBClusterIdentifier: "shop" }, "cluster:shop", "restored"],
];

test("a claimed database is changed only in its role and only by the stack of its claim", async () => {
  for (const [caller, action, parameters, database, role] of CHANGES_OF_CLAIMED) {
    const change = (all) => rds(caller, action, parameters, { [database]: { tags: all } });
    await isAllowed(change(marked(role).tags));
    for (const wrong of [{ ...theirs, "trapheus:role": role }, { "trapheus:role": role }, marked("snapshot").tags, {}]) {
      assert.ok((await deniedOf(change(wrong))).length > 0, `${caller} on ${JSON.stringify(wrong)}`);
    }
  }
});

test("a final snapshot of the original is taken only where the deployment wants one", async () => {
  const parameters = { DBInstanceIdentifier: "orders-temp", FinalDBSnapshotIdentifier: "orders-final-3fa2c1" };
  const request = rds("delete-instance", "DeleteDBInstance", parameters, { "db:orders-temp": marked("original") });
  await isAllowed(request);
  const [, taking] = checksOf([request]);
  assert.equal(taking.action, "rds:CreateDBSnapshot");
  assert.equal(await proof.isAllowed({ ...taking, chosen: {} }), false);
});

test("a restored database that was in service is discarded with a final snapshot of its own name", async () => {
  const instance = (role, snapshot) =>
    rds("discard-instance", "DeleteDBInstance", { DBInstanceIdentifier: "orders-failed-3fa2c1", FinalDBSnapshotIdentifier: snapshot }, { "db:orders-failed-3fa2c1": role });
  await isAllowed(instance(marked("restored"), "orders-failed-3fa2c1"));
  await isDenied(instance(marked("restored"), "orders-snapshot"));
  await isDenied(instance(marked("original"), "orders-failed-3fa2c1"));
  const cluster = (role) =>
    rds("discard-cluster", "DeleteDBCluster", { DBClusterIdentifier: "shop-failed-3fa2c1", FinalDBSnapshotIdentifier: "shop-failed-3fa2c1" }, { "cluster:shop-failed-3fa2c1": role });
  await isAllowed(cluster(marked("restored")));
  await isDenied(cluster(marked("verified")));
});

test("nothing is restored, created or copied without this stack's claim in the right role", async () => {
  for (const [caller, action, parameters, made, role] of CREATIONS) {
    const request = (all) => rds(caller, action, { ...parameters, ...tags(all) });
    await isAllowed(request({ team: "shop", ...ours, "trapheus:role": role }));
    for (const wrong of [{}, { team: "shop" }, { "trapheus:execution": EXECUTION }, { ...ours, "trapheus:role": "verified" }, { ...theirs, "trapheus:role": role }]) {
      assert.ok((await deniedOf(request(wrong))).includes(`rds:${action} ${made}`), `${action} with ${JSON.stringify(wrong)}`);
    }
  }
});

test("the groups, the snapshot and the source of a call need no tags", async () => {
  for (const [caller, action, parameters, made] of CREATIONS) {
    const denied = await deniedOf(rds(caller, action, parameters));
    assert.deepEqual(denied, [`rds:${action} ${made}`]);
  }
});

test("an encrypted snapshot is restored with another account's key", async () => {
  const parameters = { DBInstanceIdentifier: "orders", DBSnapshotIdentifier: "orders-snapshot", ...tags(ours) };
  const request = rds("restore-instance", "RestoreDBInstanceFromDBSnapshot", parameters, {
    "snapshot:orders-snapshot": { kmsKeyId: KEY },
  });
  assert.ok(checksOf([request]).some(({ action }) => action === "kms:CreateGrant"));
  await isAllowed(request);
});

test("a claim writes only our tags, and a release removes only them", async () => {
  const claims = (all, caller = "claim-instance", type = "db") =>
    rds(caller, "AddTagsToResource", { ResourceName: arnOf(type, "orders"), ...tags(all) });
  await isAllowed(claims(claim("original")));
  await isAllowed(claims(claim("original"), "claim-cluster", "cluster"));
  for (const wrong of [{ ...claim("original"), team: "shop" }, claim("restored"), claim("verified"), { ...claim("original"), "trapheus:execution": "by hand" }]) {
    await isDenied(claims(wrong));
    await isDenied(claims(wrong, "claim-cluster", "cluster"));
  }
  const lift = (...keys) =>
    Object.fromEntries(keys.map((key, index) => [`TagKeys.member.${index + 1}`, key]));
  const lifts = (...keys) => rds("release-instance", "RemoveTagsFromResource", { ResourceName: arnOf("db", "orders"), ...lift(...keys) });
  await isAllowed(lifts(...Object.keys(claim("original"))));
  await isDenied(lifts("team"));
});

test("with RequireOptIn, a database is claimed only if it has the tag trapheus:allowed", async () => {
  for (const [caller, type] of [["claim-instance", "db"], ["claim-cluster", "cluster"]]) {
    const claims = (of) =>
      rds(caller, "AddTagsToResource", { ResourceName: arnOf(type, "orders"), ...tags(claim("original")) }, { [`${type}:orders`]: { tags: of } });
    await isAllowed(claims({ "trapheus:allowed": "true" }), { RequireOptIn: "true" });
    await isDenied(claims({}), { RequireOptIn: "true" });
    await isDenied(claims({ "trapheus:allowed": "false" }), { RequireOptIn: "true" });
    await isAllowed(claims({}));
  }
});

test("only a commit writes the role verified, and only on databases with our claim", async () => {
  for (const [caller, type] of [["commit-instance", "db"], ["commit-cluster", "cluster"]]) {
    const mark = (resource, role = "verified") =>
      rds(caller, "AddTagsToResource", { ResourceName: arnOf(type, "orders"), ...tags(claim(role)) }, { [`${type}:orders`]: resource });
    await isAllowed(mark(marked("restored")));
    await isDenied(mark(marked("restored"), "original"));
    await isDenied(mark({ tags: { team: "shop" } }));
    await isDenied(mark({ tags: theirs }));
    for (const other of ["protect", "release", "configure"].map((verb) => caller.replace("commit", verb)))
      await isDenied({ ...mark(marked("restored")), caller: other });
  }
  const configure = (all) =>
    rds("configure-instance", "AddTagsToResource", { ResourceName: arnOf("db", "orders"), ...tags(all) }, { "db:orders": marked("restored") });
  await isAllowed(configure({ team: "shop" }));
  await isDenied(configure({ "trapheus:role": "verified" }));
});

/** Every kind of change of a database, its members and its snapshots. */
function changes(stem) {
  const db = (name) => ({ [`db:${name}`]: marked("restored") });
  const cluster = (name) => ({ [`cluster:${name}`]: marked("restored") });
  return [
    rds("claim-instance", "AddTagsToResource", { ResourceName: arnOf("db", stem), ...tags(claim("original")) }),
    rds("claim-cluster", "AddTagsToResource", { ResourceName: arnOf("cluster", stem), ...tags(claim("original")) }),
    rds("rename-instance", "ModifyDBInstance", { DBInstanceIdentifier: stem, NewDBInstanceIdentifier: `${stem}-temp` }),
    rds("rename-cluster", "ModifyDBCluster", { DBClusterIdentifier: stem, NewDBClusterIdentifier: `${stem}-temp` }),
    rds("configure-instance", "ModifyDBInstance", { DBInstanceIdentifier: stem }, db(stem)),
    rds("configure-instance", "RebootDBInstance", { DBInstanceIdentifier: stem }, db(stem)),
    rds("configure-cluster", "EnableHttpEndpoint", { ResourceArn: arnOf("cluster", stem) }, cluster(stem)),
    rds("discard-instance", "DeleteDBInstance", { DBInstanceIdentifier: stem }, db(stem)),
    rds("discard-cluster", "DeleteDBCluster", { DBClusterIdentifier: stem }, cluster(stem)),
    rds("release-instance", "RemoveTagsFromResource", { ResourceName: arnOf("db", stem), "TagKeys.member.1": "trapheus:role" }),
    rds("snapshot-instance", "DeleteDBSnapshot", { DBSnapshotIdentifier: `${stem}-snapshot` }),
    rds("snapshot-cluster", "DeleteDBClusterSnapshot", { DBClusterSnapshotIdentifier: `${stem}-snapshot` }),
    rds("restore-instance", "RestoreDBInstanceFromDBSnapshot", { DBInstanceIdentifier: stem, DBSnapshotIdentifier: "orders-snapshot", ...tags(ours) }),
    rds("restore-cluster", "RestoreDBClusterFromSnapshot", { DBClusterIdentifier: stem, SnapshotIdentifier: "orders-snapshot", ...tags(ours) }),
    rds("restore-instance", "RestoreDBInstanceToPointInTime", { TargetDBInstanceIdentifier: stem, SourceDbiResourceId: "db-ORIGINAL", ...tags(ours) }),
    rds("restore-cluster", "RestoreDBClusterToPointInTime", { DBClusterIdentifier: stem, SourceDbClusterResourceId: "cluster-ORIGINAL", ...tags(ours) }),
    rds("restore-cluster", "CreateDBInstance", { DBInstanceIdentifier: `${stem}-1`, DBClusterIdentifier: "orders", ...tags(ours) }),
    rds("snapshot-instance", "CreateDBSnapshot", { DBInstanceIdentifier: stem, DBSnapshotIdentifier: "orders-temp", ...tags(claim("snapshot")) }),
    rds("snapshot-instance", "CopyDBSnapshot", { SourceDBSnapshotIdentifier: "orders-temp", TargetDBSnapshotIdentifier: `${stem}-snapshot`, ...tags(claim("snapshot")) }),
    rds("snapshot-cluster", "CreateDBClusterSnapshot", { DBClusterIdentifier: stem, DBClusterSnapshotIdentifier: "orders-temp", ...tags(claim("snapshot")) }),
    rds("snapshot-cluster", "CopyDBClusterSnapshot", { SourceDBClusterSnapshotIdentifier: "orders-temp", TargetDBClusterSnapshotIdentifier: `${stem}-snapshot`, ...tags(claim("snapshot")) }),
  ];
}

test("with DatabaseNames, no other database is changed, whatever its tags", async () => {
  const named = { DatabaseNames: "orders,shop-" };
  for (const request of changes("orders-eu")) await isAllowed(request, named);
  for (const request of changes("shop-eu")) await isAllowed(request, named);
  for (const request of changes("billing")) {
    assert.ok((await deniedOf(request, named)).length > 0, `${request.caller} ${request.action}`);
    await isAllowed(request);
  }
  for (const name of ["shop", "order", "my-orders"]) {
    const away = rds("rename-instance", "ModifyDBInstance", { DBInstanceIdentifier: "orders", NewDBInstanceIdentifier: name });
    assert.deepEqual(await deniedOf(away, named), [`rds:ModifyDBInstance db:${name}`]);
  }
});

test("a foreign database's backup is only read, and a copied claim is removed from a foreign snapshot", async () => {
  const named = { DatabaseNames: "orders" };
  await isAllowed(rds("restore-instance", "RestoreDBInstanceFromDBSnapshot", { DBInstanceIdentifier: "orders", DBSnapshotIdentifier: "billing-snapshot", ...tags(ours) }), named);
  await isAllowed(rds("restore-instance", "RestoreDBInstanceToPointInTime", { TargetDBInstanceIdentifier: "orders", SourceDbiResourceId: "db-BILLING", ...tags(ours) }), named);
  await isAllowed(rds("release-instance", "RemoveTagsFromResource", { ResourceName: arnOf("snapshot", "before-the-merger"), "TagKeys.member.1": "trapheus:role" }), named);
});

test("settings are changed only on a restored database", async () => {
  const modify = (resource) =>
    rds(
      "configure-instance",
      "ModifyDBInstance",
      { DBInstanceIdentifier: "orders", MonitoringRoleArn: "arn:aws:iam::123456789012:role/monitoring", ManageMasterUserPassword: "true", MasterUserSecretKmsKeyId: KEY },
      { "db:orders": resource },
    );
  await isAllowed(modify(marked("restored")));
  assert.deepEqual(await deniedOf(modify(marked("original"))), ["rds:ModifyDBInstance db:orders"]);
});

test("a snapshot of another name is neither taken nor deleted", async () => {
  await isAllowed(rds("snapshot-instance", "DeleteDBSnapshot", { DBSnapshotIdentifier: "orders-snapshot" }));
  await isDenied(rds("snapshot-instance", "DeleteDBSnapshot", { DBSnapshotIdentifier: "before-the-merger" }));
});

test("a Multi-AZ DB cluster is deleted with its members, and no Aurora member with it", async () => {
  const remove = (engine) =>
    rds("delete-cluster", "DeleteDBCluster", { DBClusterIdentifier: "ledger-temp" }, {
      "cluster:ledger-temp": { ...marked("original"), members: ["ledger-instance-1"] },
      "db:ledger-instance-1": { engine, ...marked("original") },
    });
  await isAllowed(remove("postgres"));
  assert.deepEqual(await deniedOf(remove("aurora-postgresql")), ["rds:DeleteDBInstance db:ledger-instance-1"]);
});

test("a DB instance that has a member's name and no claim of this stack is neither changed nor deleted", async () => {
  const name = "billing-instance-1";
  const foreign = [{}, { "trapheus:role": "restored" }, { "trapheus:execution": theirs["trapheus:execution"], "trapheus:role": "restored" }, { "trapheus:execution": theirs["trapheus:execution"], "trapheus:role": "original" }];
  const clusters = ["configure", "protect", "delete", "discard"].map((verb) => `${verb}-cluster`);
  for (const tags of foreign) {
    const resources = { [`db:${name}`]: { engine: "postgres", tags } };
    for (const caller of clusters) {
      for (const action of ["ModifyDBInstance", "RebootDBInstance", "DeleteDBInstance"]) {
        await isDenied(rds(caller, action, { DBInstanceIdentifier: name }, resources));
      }
    }
  }
  for (const caller of [...clusters, "rename-cluster", "rename-instance"]) {
    await isDenied(rds(caller, "ModifyDBInstance", { DBInstanceIdentifier: name, NewDBInstanceIdentifier: `${name}-temp` }, { [`db:${name}`]: { engine: "postgres", tags: {} } }));
  }
});

test("a claimed DB instance with a member's name is renamed like any other", async () => {
  const [name, temporary] = ["billing-instance-1", "billing-instance-1-temp"];
  const claimed = { engine: "postgres", ...marked("original") };
  await isAllowed(rds("claim-instance", "AddTagsToResource", { ResourceName: arnOf("db", name), ...tags(claim("original")) }, { [`db:${name}`]: { engine: "postgres", tags: {} } }));
  const rename = (from, to) => rds("rename-instance", "ModifyDBInstance", { DBInstanceIdentifier: from, NewDBInstanceIdentifier: to }, { [`db:${from}`]: claimed });
  await isAllowed(rename(name, temporary));
  await isAllowed(rename(temporary, name));
});

test("the claim of a cluster is written only on members, as far as AWS can recognise them", async () => {
  const mark = (name, engine, role = "original") =>
    rds("claim-cluster", "AddTagsToResource", { ResourceName: arnOf("db", name), ...tags(claim(role)) }, { [`db:${name}`]: { engine, tags: {} } });
  await isAllowed(mark("shop-1", "aurora-postgresql"));
  await isAllowed(mark("ledger-instance-1", "postgres"));
  await isDenied(mark("orders", "postgres"));
  await isDenied(mark("ledger-instance-1", "sqlserver-se"));
  await isDenied(mark("ledger-instance-1", "postgres", "restored"));
  const restored = (name, engine, all, now = {}) =>
    rds("restore-cluster", "AddTagsToResource", { ResourceName: arnOf("db", name), ...tags(all) }, { [`db:${name}`]: { engine, tags: now } });
  await isAllowed(restored("ledger-instance-1", "postgres", claim("restored")));
  await isAllowed(restored("shop-1", "aurora-mysql", claim("restored")));
  await isDenied(restored("ledger-instance-1", "sqlserver-se", claim("restored")));
  await isDenied(restored("ledger-instance-1", "postgres", { ...claim("restored"), team: "shop" }));
  await isDenied(restored("ledger-instance-1", "postgres", claim("original")));
  await isDenied(restored("ledger-instance-1", "postgres", { ...claim("restored"), ...theirs }));
  await isDenied(restored("ledger-instance-1", "postgres", claim("restored"), marked("original").tags));
  await isDenied(restored("shop-1", "aurora-mysql", claim("restored"), marked("verified").tags));
  await isDenied(restored("orders", "postgres", claim("restored")));
});

test("a Multi-AZ DB cluster is restored although the check of its members sees no tags", async () => {
  const restore = (all) =>
    rds("restore-cluster", "RestoreDBClusterFromSnapshot", { DBClusterIdentifier: "ledger", SnapshotIdentifier: "ledger-snapshot", DBClusterInstanceClass: "db.m6gd.large", ...tags(all) });
  await isAllowed(restore(ours));
  await isDenied(restore({}));
  const create = (name, all) => rds("restore-cluster", "CreateDBInstance", { DBInstanceIdentifier: name, ...tags(all) });
  await isDenied(create("billing-instance-1", theirs));
  await isDenied(create("billing", {}));
});

test("only executions of this stack are read", async () => {
  for (const caller of ["claim-instance", "claim-cluster", "recover"]) {
    const look = (executionArn) => ({ caller, service: "states", action: "DescribeExecution", parameters: { executionArn } });
    await isAllowed(look(EXECUTION));
    await isDenied(look(EXECUTION.replace("trapheus-", "another-stack-")));
    await isDenied(look("arn:aws:states:us-east-1:123456789012:execution:payroll:1"));
  }
});

test("only the roles that the deployment names are passed, and only to RDS", async () => {
  const configure = (role) =>
    rds("configure-instance", "ModifyDBInstance", { DBInstanceIdentifier: "orders", MonitoringRoleArn: `arn:aws:iam::123456789012:role/${role}` }, { "db:orders": marked("restored") });
  const restore = (role) =>
    rds("restore-instance", "RestoreDBInstanceFromDBSnapshot", { DBInstanceIdentifier: "orders", DBSnapshotIdentifier: "orders-snapshot", DomainIAMRoleName: role, ...tags(ours) });
  const named = { MonitoringRole: "rds-monitoring-role", DirectoryRole: "service-role/rds-directory-*" };
  await isAllowed(configure("administrator"));
  await isAllowed(configure("rds-monitoring-role"), named);
  await isDenied(configure("administrator"), named);
  await isAllowed(restore("administrator"));
  await isAllowed(restore("service-role/rds-directory-eu"), named);
  await isDenied(restore("rds-monitoring-role"), named);
  const [pass] = checksOf([configure("administrator")]).filter(({ action }) => action === "iam:PassRole");
  assert.equal(await proof.isAllowed({ ...pass, context: { "iam:PassedToService": "lambda.amazonaws.com" } }), false);
});

test("mail is sent only from our sender and only to our recipients", async () => {
  const recipients = { RecipientEmail: "oncall@example.com,Boss@example.org" };
  const send = (from, to) => ({ caller: "email", service: "ses", action: "SendEmail", parameters: { FromEmailAddress: from, ToAddresses: to } });
  await isAllowed(send("trapheus@example.com", "oncall@example.com,Boss@example.org"), recipients);
  await isAllowed(send("trapheus@example.com", "boss@example.org"), recipients);
  await isDenied(send("ceo@example.com", "oncall@example.com"), recipients);
  await isDenied(send("trapheus@example.com", "oncall@example.com,press@example.net"), recipients);
});

test("the webhooks of this stack are read, and no other secret", async () => {
  const secret = (SecretId) => ({ caller: "slack", service: "secretsmanager", action: "GetSecretValue", parameters: { SecretId } });
  await isAllowed(secret("trapheus/slack"));
  await isDenied(secret("trapheus/slack-of-others"));
  await isDenied(secret("payroll"));
  const parameter = (Name) => ({ caller: "slack", service: "ssm", action: "GetParameter", parameters: { Name } });
  await isAllowed(parameter("/trapheus/slack"));
  await isDenied(parameter("/trapheus/slack/others"));
  await isDenied({ ...secret("trapheus/slack"), caller: "email" });
});

test("descriptions by name, by resource id and of everything are allowed", async () => {
  await isAllowed(rds("wait-instance", "DescribeDBInstances", { DBInstanceIdentifier: "orders" }));
  await isAllowed(rds("wait-instance", "DescribeDBInstances", { "Filters.Filter.1.Name": "dbi-resource-id", "Filters.Filter.1.Values.Value.1": "db-ABC" }));
  await isAllowed(rds("preflight-cluster", "DescribeGlobalClusters", {}));
  await isAllowed(rds("preflight-cluster", "DescribeAccountAttributes", {}));
  await isAllowed(rds("preflight-instance", "DescribeOrderableDBInstanceOptions", { Engine: "postgres" }));
  await isDenied(rds("wait-instance", "DescribeDBClusters", {}));
});

/** Whether a function may do this if its role has one more policy, which allows everything. */
function isWithinTheLimits(caller, action, resource, chosen = {}, context = {}) {
  const everything = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
  return proof.isAllowed({ caller, chosen, action, resource, context }, [{ name: "everything", policy: everything }]);
}

const FUNCTIONS = Object.entries(template.Resources)
  .filter(([, resource]) => resource.Type === "AWS::Lambda::Function")
  .map(([, resource]) => resource.Metadata.BuildProperties.Binary);

test("a function writes only to the functions' log, whatever AWS's own policies allow", async () => {
  const log = (name) => `arn:aws:logs:us-east-1:123456789012:log-group:${name}:log-stream:1`;
  for (const caller of FUNCTIONS) {
    for (const action of ["logs:CreateLogStream", "logs:PutLogEvents"]) {
      assert.ok(await isWithinTheLimits(caller, action, log("/aws/lambda/trapheus")), `${caller} ${action}`);
      assert.equal(await isWithinTheLimits(caller, action, log("/aws/lambda/payroll")), false, `${caller} ${action}`);
    }
    const group = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/trapheus:*";
    assert.equal(await isWithinTheLimits(caller, "logs:CreateLogGroup", group), false, caller);
    assert.equal(await isWithinTheLimits(caller, "logs:GetLogEvents", log("/aws/lambda/trapheus")), false, caller);
    assert.ok(await isWithinTheLimits(caller, "xray:PutTraceSegments", "*"), caller);
    assert.ok(await isWithinTheLimits(caller, "xray:PutTelemetryRecords", "*"), caller);
    assert.equal(await isWithinTheLimits(caller, "xray:GetSamplingRules", "*"), false, caller);
  }
});

test("Lambda attaches a function to the VPC only in VPC mode, and the function's own code never does", async () => {
  const inVpc = { UseVPCAndSubnets: "true", vpcId: "vpc-0123abcd", Subnets: "subnet-0123abcd" };
  const itself = { "lambda:SourceFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:trapheus-EmailFunction-1" };
  const network = "arn:aws:ec2:us-east-1:123456789012:network-interface/eni-0123abcd";
  for (const caller of FUNCTIONS) {
    for (const [action, resource] of [["ec2:DescribeSubnets", "*"], ["ec2:CreateNetworkInterface", network], ["ec2:DeleteNetworkInterface", network]]) {
      assert.ok(await isWithinTheLimits(caller, action, resource, inVpc), `${caller} ${action}`);
      assert.equal(await isWithinTheLimits(caller, action, resource, inVpc, itself), false, `${caller} ${action}`);
      assert.equal(await isWithinTheLimits(caller, action, resource), false, `${caller} ${action}`);
    }
    assert.equal(await isWithinTheLimits(caller, "ec2:DescribeVpcs", "*", inVpc), false, caller);
  }
});

test("no policy that a role gets later adds an action of another kind or a database of another name", async () => {
  const named = { DatabaseNames: "orders" };
  for (const caller of FUNCTIONS) {
    assert.equal(await isWithinTheLimits(caller, "s3:GetObject", "arn:aws:s3:::payroll/2026.csv"), false, caller);
    assert.equal(await isWithinTheLimits(caller, "rds:DeleteGlobalCluster", "arn:aws:rds::123456789012:global-cluster:shop"), false, caller);
    assert.ok(await isWithinTheLimits(caller, "rds:DeleteDBCluster", arnOf("cluster", "orders-temp"), named), caller);
    assert.equal(await isWithinTheLimits(caller, "rds:DeleteDBCluster", arnOf("cluster", "billing-temp"), named), false, caller);
  }
});

test("an action that no request needs is found", async () => {
  const rename = rds("rename-instance", "ModifyDBInstance", { DBInstanceIdentifier: "orders", NewDBInstanceIdentifier: "orders-temp" });
  const look = rds("rename-instance", "DescribeDBInstances", {});
  const of = async (...requests) =>
    (await proof.needless(checksOf(requests))).filter((problem) => problem.startsWith("rename-instance"));
  assert.deepEqual(await of(rename, look), []);
  assert.deepEqual(await of(look), ["rename-instance: rds:ModifyDBInstance of Rename is allowed, and no request needs it"]);
});

test("the proof reports a request whose action was taken from its role", async () => {
  const reduced = structuredClone(template);
  reduced.Resources.RenameInstanceFunctionRole.Properties.Policies[0].PolicyDocument.Statement.pop();
  const rename = rds("rename-instance", "ModifyDBInstance", { DBInstanceIdentifier: "orders", NewDBInstanceIdentifier: "orders-temp" });
  assert.equal((await new Proof(reduced).denied(checksOf([rename]))).length, 2);
});

test("an unknown request is refused", () => {
  assert.throws(() => checksOf([rds("rename-instance", "PromoteReadReplica", {})]), /not known/);
});
