// What AWS itself refuses, whatever the functions' code does; and that the proof notices.
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

async function deniedOf(request) {
  const denied = await proof.denied(checksOf([request]));
  return denied.map(({ action, resource }) => `${action} ${resource.split(":").slice(5).join(":")}`);
}

async function isAllowed(request) {
  assert.deepEqual(await deniedOf(request), []);
}

async function isDenied(request) {
  assert.notDeepEqual(await deniedOf(request), []);
}

const ours = { "trapheus:execution": EXECUTION, "trapheus:role": "restored" };

test("the original is deleted under its temporary name and with its mark alone", async () => {
  const remove = (name, role) =>
    rds("delete-instance", "DeleteDBInstance", { DBInstanceIdentifier: name }, { [`db:${name}`]: role });
  await isAllowed(remove("orders-temp", marked("original")));
  await isDenied(remove("orders", marked("original")));
  await isDenied(remove("orders-temp", marked("restored")));
  await isDenied(remove("orders-temp", { tags: {} }));
});

test("what is discarded carries our mark as restored and is not verified", async () => {
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

test("a final snapshot is taken only where the deployment wants one", async () => {
  const parameters = { DBInstanceIdentifier: "orders-temp", FinalDBSnapshotIdentifier: "orders-temp-final" };
  const request = rds("delete-instance", "DeleteDBInstance", parameters, { "db:orders-temp": marked("original") });
  await isAllowed(request);
  const [, taking] = checksOf([request]);
  assert.equal(taking.action, "rds:CreateDBSnapshot");
  assert.equal(await proof.isAllowed({ ...taking, chosen: {} }), false);
});

test("nothing is restored without our mark", async () => {
  const restore = (all) => {
    const parameters = { DBInstanceIdentifier: "orders", DBSnapshotIdentifier: "orders-snapshot", ...tags(all) };
    return rds("restore-instance", "RestoreDBInstanceFromDBSnapshot", parameters);
  };
  await isAllowed(restore({ team: "shop", ...ours }));
  assert.deepEqual(await deniedOf(restore({ team: "shop" })), ["rds:AddTagsToResource db:orders"]);
});

test("an encrypted snapshot is restored with another account's key", async () => {
  const parameters = { DBInstanceIdentifier: "orders", DBSnapshotIdentifier: "orders-snapshot", ...tags(ours) };
  const request = rds("restore-instance", "RestoreDBInstanceFromDBSnapshot", parameters, {
    "snapshot:orders-snapshot": { kmsKeyId: KEY },
  });
  assert.ok(checksOf([request]).some(({ action }) => action === "kms:CreateGrant"));
  await isAllowed(request);
});

test("a claim writes and lifts our tags alone", async () => {
  const arn = "arn:aws:rds:us-east-1:123456789012:db:orders";
  await isAllowed(rds("claim-instance", "AddTagsToResource", { ResourceName: arn, ...tags(ours) }));
  await isDenied(rds("claim-instance", "AddTagsToResource", { ResourceName: arn, ...tags({ ...ours, team: "shop" }) }));
  const lift = (...keys) =>
    Object.fromEntries(keys.map((key, index) => [`TagKeys.member.${index + 1}`, key]));
  await isAllowed(rds("release-instance", "RemoveTagsFromResource", { ResourceName: arn, ...lift("trapheus:role") }));
  await isDenied(rds("release-instance", "RemoveTagsFromResource", { ResourceName: arn, ...lift("team") }));
});

test("a release marks as verified what carries our claim alone", async () => {
  const arn = "arn:aws:rds:us-east-1:123456789012:db:orders";
  const mark = (resource) =>
    rds("release-instance", "AddTagsToResource", { ResourceName: arn, ...tags(ours) }, { "db:orders": resource });
  await isAllowed(mark(marked("restored")));
  await isDenied(mark({ tags: { team: "shop" } }));
});

test("settings are changed on what this run restored alone", async () => {
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

test("a Multi-AZ DB cluster goes with its members, and no Aurora member goes with it", async () => {
  const remove = (engine) =>
    rds("delete-cluster", "DeleteDBCluster", { DBClusterIdentifier: "ledger-temp" }, {
      "cluster:ledger-temp": { ...marked("original"), members: ["ledger-instance-1"] },
      "db:ledger-instance-1": { engine },
    });
  await isAllowed(remove("postgres"));
  assert.deepEqual(await deniedOf(remove("aurora-postgresql")), ["rds:DeleteDBInstance db:ledger-instance-1"]);
});

test("executions of any Trapheus are looked up, and no others", async () => {
  const look = (executionArn) => ({ caller: "recover", service: "states", action: "DescribeExecution", parameters: { executionArn } });
  await isAllowed(look(EXECUTION.replace("trapheus-", "another-stack-")));
  await isDenied(look("arn:aws:states:us-east-1:123456789012:execution:payroll:1"));
});

test("mail is sent from our sender alone", async () => {
  const send = (from) => ({ caller: "email", service: "ses", action: "SendEmail", parameters: { FromEmailAddress: from, ToAddresses: "oncall@example.com,boss@example.org" } });
  await isAllowed(send("trapheus@example.com"));
  await isDenied(send("ceo@example.com"));
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

test("an action that no request needs is found", async () => {
  const rename = rds("rename-instance", "ModifyDBInstance", { DBInstanceIdentifier: "orders", NewDBInstanceIdentifier: "orders-temp" });
  const look = rds("rename-instance", "DescribeDBInstances", {});
  const of = async (...requests) =>
    (await proof.needless(checksOf(requests))).filter((problem) => problem.startsWith("rename-instance"));
  assert.deepEqual(await of(rename, look), []);
  assert.deepEqual(await of(look), ["rename-instance: rds:ModifyDBInstance of Rename is allowed, and no request needs it"]);
});

test("taking any action from a role is noticed by whoever needs it", async () => {
  const reduced = structuredClone(template);
  reduced.Resources.RenameInstanceRole.Properties.Policies[0].PolicyDocument.Statement.pop();
  const rename = rds("rename-instance", "ModifyDBInstance", { DBInstanceIdentifier: "orders", NewDBInstanceIdentifier: "orders-temp" });
  assert.equal((await new Proof(reduced).denied(checksOf([rename]))).length, 2);
});

test("a request that is not known is refused rather than waved through", () => {
  assert.throws(() => checksOf([rds("rename-instance", "PromoteReadReplica", {})]), /not known/);
});
