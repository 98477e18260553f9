// The checks that IAM makes for a function's request, each with action, resource and context.
//
// Follows the service authorization reference. Its API table lists the requests that AWS checks for further actions:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_rds.html
// If AWS does not document whether it checks a resource, this file checks it. An unknown request is refused.

import { PLACE } from "./roles.mjs";

const { "AWS::Region": REGION, "AWS::AccountId": ACCOUNT } = PLACE;

const rdsArn = (type, name) => `arn:aws:rds:${type === "global-cluster" ? "" : REGION}:${ACCOUNT}:${type}:${name}`;

/** The resources of a description, by parameter. Without the parameter, a description covers all of them. */
const DESCRIPTIONS = {
  DescribeAccountAttributes: [],
  DescribeCertificates: [],
  DescribeDBEngineVersions: [],
  DescribeEvents: [],
  DescribeIntegrations: [["integration", "IntegrationIdentifier"]],
  DescribeBlueGreenDeployments: [["deployment", "BlueGreenDeploymentIdentifier"]],
  DescribeDBClusterAutomatedBackups: [["cluster-auto-backup"], ["cluster", "DBClusterIdentifier"]],
  DescribeDBClusterParameterGroups: [["cluster-pg", "DBClusterParameterGroupName"]],
  DescribeDBClusterSnapshots: [["cluster-snapshot", "DBClusterSnapshotIdentifier"], ["cluster", "DBClusterIdentifier"]],
  DescribeDBClusters: [["cluster", "DBClusterIdentifier"]],
  DescribeDBInstanceAutomatedBackups: [["auto-backup"], ["db", "DBInstanceIdentifier"]],
  DescribeDBInstances: [["db", "DBInstanceIdentifier"]],
  DescribeDBParameterGroups: [["pg", "DBParameterGroupName"]],
  DescribeDBProxies: [["db-proxy"]],
  DescribeDBProxyTargets: [["db-proxy"], ["target-group"]],
  DescribeDBSnapshots: [["snapshot", "DBSnapshotIdentifier"], ["db", "DBInstanceIdentifier"]],
  DescribeDBSubnetGroups: [["subgrp", "DBSubnetGroupName"]],
  DescribeGlobalClusters: [["global-cluster", "GlobalClusterIdentifier"]],
  DescribeOptionGroups: [["og", "OptionGroupName"]],
  DescribeOrderableDBInstanceOptions: [],
};

/** The resources that a changing request names, by type and parameter. */
const CHANGES = {
  CopyDBClusterSnapshot: [
    ["cluster-snapshot", "SourceDBClusterSnapshotIdentifier"],
    ["cluster-snapshot", "TargetDBClusterSnapshotIdentifier"],
  ],
  CopyDBSnapshot: [["snapshot", "SourceDBSnapshotIdentifier"], ["snapshot", "TargetDBSnapshotIdentifier"]],
  CreateDBClusterSnapshot: [["cluster", "DBClusterIdentifier"], ["cluster-snapshot", "DBClusterSnapshotIdentifier"]],
  CreateDBInstance: [["db", "DBInstanceIdentifier"], ["cluster", "DBClusterIdentifier"], ["pg", "DBParameterGroupName"]],
  CreateDBSnapshot: [["db", "DBInstanceIdentifier"], ["snapshot", "DBSnapshotIdentifier"]],
  DeleteDBCluster: [["cluster", "DBClusterIdentifier"], ["cluster-snapshot", "FinalDBSnapshotIdentifier"]],
  DeleteDBClusterSnapshot: [["cluster-snapshot", "DBClusterSnapshotIdentifier"]],
  DeleteDBInstance: [["db", "DBInstanceIdentifier"]],
  DeleteDBSnapshot: [["snapshot", "DBSnapshotIdentifier"]],
  ModifyDBCluster: [["cluster", "DBClusterIdentifier"], ["cluster", "NewDBClusterIdentifier"]],
  ModifyDBInstance: [["db", "DBInstanceIdentifier"], ["db", "NewDBInstanceIdentifier"]],
  RebootDBCluster: [["cluster", "DBClusterIdentifier"]],
  StartExportTask: [["snapshot", "SourceArn"]],
  RebootDBInstance: [["db", "DBInstanceIdentifier"]],
  RestoreDBClusterFromSnapshot: [
    ["cluster", "DBClusterIdentifier"],
    ["cluster-snapshot", "SnapshotIdentifier"],
    ["cluster-pg", "DBClusterParameterGroupName", "default"],
    ["og", "OptionGroupName", "default"],
    ["subgrp", "DBSubnetGroupName", "default"],
  ],
  RestoreDBInstanceFromDBSnapshot: [
    ["db", "DBInstanceIdentifier"],
    ["snapshot", "DBSnapshotIdentifier"],
    ["pg", "DBParameterGroupName", "default"],
    ["og", "OptionGroupName", "default"],
    ["subgrp", "DBSubnetGroupName", "default"],
  ],
  // The automated backups of a database have its resource id.
  RestoreDBClusterToPointInTime: [
    ["cluster", "DBClusterIdentifier"],
    ["cluster", "SourceDBClusterIdentifier"],
    ["cluster-auto-backup", "SourceDbClusterResourceId"],
    ["cluster-pg", "DBClusterParameterGroupName", "default"],
    ["og", "OptionGroupName", "default"],
    ["subgrp", "DBSubnetGroupName", "default"],
  ],
  RestoreDBInstanceToPointInTime: [
    ["db", "TargetDBInstanceIdentifier"],
    ["db", "SourceDBInstanceIdentifier"],
    ["auto-backup", "SourceDbiResourceId"],
    ["pg", "DBParameterGroupName", "default"],
    ["og", "OptionGroupName", "default"],
    ["subgrp", "DBSubnetGroupName", "default"],
  ],
};

/** The action that RDS also checks on the members of a Multi-AZ DB cluster, by the request about the cluster. */
const OF_MULTI_AZ_MEMBERS = {
  DeleteDBCluster: "rds:DeleteDBInstance",
  ModifyDBCluster: "rds:ModifyDBInstance",
  RebootDBCluster: "rds:RebootDBInstance",
};

/** @returns {{action: string, resource: string, context: object}[]} */
export function authorizations(request) {
  switch (request.service) {
    case "rds":
      return new RdsRequest(request).authorizations();
    case "ses":
      return ofMail(request);
    case "states":
      return [ask(`states:${request.action}`, request.parameters.executionArn)];
    case "secretsmanager":
      return ofSecret(request);
    case "ssm":
      return ofParameter(request);
    // Not AWS.
    case "web":
      return [];
    default:
      throw new Error(`the service ${request.service} is not known`);
  }
}

function ask(action, resource, context = {}) {
  return { action, resource, context };
}

class RdsRequest {
  constructor({ action, parameters, resources = {} }) {
    Object.assign(this, { action, parameters, resources });
    this.requestTags = this.tagsOfRequest();
  }

  authorizations() {
    const { action, parameters } = this;
    if (DESCRIPTIONS[action]) return this.description(DESCRIPTIONS[action]);
    if (action === "AddTagsToResource" || action === "RemoveTagsFromResource") {
      return [this.about(action, parameters.ResourceName)];
    }
    if (action === "EnableHttpEndpoint") return [this.about(action, parameters.ResourceArn)];
    if (action === "DescribeExportTasks") return [this.about(action, "*")];
    const named = CHANGES[action];
    if (!named) throw new Error(`the request ${action} is not known`);
    const resources = named
      .map(([type, parameter, otherwise]) => [type, parameters[parameter] ?? otherwise])
      .filter(([, name]) => name !== undefined);
    return [
      ...resources.map(([type, name]) => this.about(action, nameAsArn(type, name))),
      ...this.tagging(nameAsArn(...this.created(resources))),
      ...this.finalSnapshot(),
      ...this.members(),
      ...this.passedRoles(),
      ...this.keys(),
      ...this.masterSecret(),
    ];
  }

  description(types) {
    if (types.length === 0) return [ask(`rds:${this.action}`, "*")];
    const filtered = Object.entries(this.parameters)
      .filter(([key, filter]) => /^Filters\.Filter\.\d+\.Name$/.test(key) && filter.endsWith("-id"))
      .map(([key]) => this.parameters[key.replace(/Name$/, "Values.Value.1")]);
    return types.flatMap(([type, parameter]) => {
      const one = parameter && this.parameters[parameter];
      // RDS checks a filter by resource id like a name. Without a filter, it checks all resources:
      // https://github.com/hashicorp/terraform-provider-aws/issues/35737
      const names = one ? [one] : filtered.length > 0 && type === types[0][0] ? filtered : ["*"];
      return names.map((name) => this.about(this.action, rdsArn(type, name)));
    });
  }

  /** One check of an RDS action, with the tags of the request and those of the resource. */
  about(action, arn, requestTags = this.requestTags) {
    const context = {};
    for (const [key, value] of Object.entries(requestTags)) context[`aws:RequestTag/${key}`] = value;
    const keys = [...Object.keys(requestTags), ...this.removedKeys()];
    if (keys.length > 0) context["aws:TagKeys"] = keys;
    const { type, name } = partsOf(arn);
    const found = this.resources[`${type}:${name}`];
    for (const [key, value] of Object.entries(found?.tags ?? {})) context[`aws:ResourceTag/${key}`] = value;
    if (type === "db" && found?.engine) context["rds:DatabaseEngine"] = found.engine;
    return ask(`rds:${action}`, arn, context);
  }

  /** The created resource: the last database or snapshot that the request names. */
  created(resources) {
    const [first, second] = resources;
    return this.action.startsWith("Create") || this.action.startsWith("Copy")
      ? this.action === "CreateDBInstance" ? first : second
      : first;
  }

  tagging(arn) {
    return Object.keys(this.requestTags).length > 0 ? [this.about("AddTagsToResource", arn)] : [];
  }

  /** A final snapshot is taken and, where the database copies its tags, tagged. */
  finalSnapshot() {
    const name = this.parameters.FinalDBSnapshotIdentifier;
    if (!name) return [];
    const ofCluster = this.action === "DeleteDBCluster";
    const snapshot = rdsArn(ofCluster ? "cluster-snapshot" : "snapshot", name);
    const source = ofCluster
      ? rdsArn("cluster", this.parameters.DBClusterIdentifier)
      : rdsArn("db", this.parameters.DBInstanceIdentifier);
    const taking = ofCluster ? "CreateDBClusterSnapshot" : "CreateDBSnapshot";
    return [this.about(taking, source), this.about(taking, snapshot), this.about("AddTagsToResource", snapshot)];
  }

  members() {
    const { DBClusterIdentifier: cluster, DBClusterInstanceClass: instanceClass } = this.parameters;
    if (this.action.startsWith("RestoreDBCluster") && instanceClass) {
      // RDS gives the members none of the cluster's tags, so the check may see no tags.
      return [this.about("CreateDBInstance", rdsArn("db", `${cluster}-instance-1`), {})];
    }
    const action = OF_MULTI_AZ_MEMBERS[this.action];
    const members = this.resources[`cluster:${cluster}`]?.members ?? [];
    return action ? members.map((member) => this.about(action.slice("rds:".length), rdsArn("db", member))) : [];
  }

  passedRoles() {
    const role = (name) => (name.startsWith("arn:") ? name : `arn:aws:iam::${ACCOUNT}:role/${name}`);
    const passed = [
      [this.parameters.MonitoringRoleArn, "monitoring.rds.amazonaws.com"],
      [this.parameters.DomainIAMRoleName, "rds.amazonaws.com"],
      [this.parameters.IamRoleArn, "export.rds.amazonaws.com"],
    ];
    return passed
      .filter(([name]) => name)
      .map(([name, service]) => ask("iam:PassRole", role(name), { "iam:PassedToService": service }));
  }

  /** RDS uses a customer managed key on behalf of the caller that creates a resource encrypted with this key. */
  keys() {
    const makes = /^(Copy|Restore|CreateDBInstance)/.test(this.action);
    const used = [
      this.parameters.KmsKeyId,
      this.parameters.PerformanceInsightsKMSKeyId,
      ...(makes ? Object.values(this.resources).map((resource) => resource.kmsKeyId) : []),
    ];
    return [...new Set(used.filter((key) => key?.includes(":key/")))].flatMap((key) => this.usesKey(key, "rds"));
  }

  usesKey(key, service) {
    const via = { "kms:ViaService": `${service}.${REGION}.amazonaws.com` };
    return [
      ask("kms:DescribeKey", key, via),
      ask("kms:CreateGrant", key, { ...via, "kms:GrantIsForAWSResource": "true" }),
    ];
  }

  /** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-permissions */
  masterSecret() {
    if (this.parameters.ManageMasterUserPassword !== "true") return [];
    const secret = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:rds!db-00000000`;
    const key = this.parameters.MasterUserSecretKmsKeyId;
    const asked = [ask("secretsmanager:CreateSecret", secret), ask("secretsmanager:TagResource", secret)];
    if (!key?.includes(":key/")) return asked;
    const via = { "kms:ViaService": `secretsmanager.${REGION}.amazonaws.com` };
    return [
      ...asked,
      ...this.usesKey(key, "secretsmanager"),
      ask("kms:Decrypt", key, via),
      ask("kms:GenerateDataKey", key, via),
    ];
  }

  tagsOfRequest() {
    const keys = Object.entries(this.parameters).filter(([key]) => /^Tags\.Tag\.\d+\.Key$/.test(key));
    return Object.fromEntries(keys.map(([key, name]) => [name, this.parameters[key.replace(/Key$/, "Value")] ?? ""]));
  }

  removedKeys() {
    return Object.entries(this.parameters)
      .filter(([key]) => /^TagKeys\.member\.\d+$/.test(key))
      .map(([, name]) => name);
  }
}

function nameAsArn(type, name) {
  return name.startsWith("arn:") ? name : rdsArn(type, name);
}

function partsOf(arn) {
  const [, , , , , type, ...name] = arn.split(":");
  return { type, name: name.join(":") };
}

/** SES checks the identity of the sender, of its domain and, in the sandbox, of the recipients. */
function ofMail({ parameters }) {
  const { FromEmailAddress: from, ToAddresses: to } = parameters;
  const identities = [from, from.split("@")[1], ...to.split(",")].map(
    (identity) => `arn:aws:ses:${REGION}:${ACCOUNT}:identity/${identity}`,
  );
  const context = { "ses:FromAddress": from, "ses:Recipients": to.split(",") };
  return identities.map((identity) => ask("ses:SendEmail", identity, context));
}

/** Secrets Manager appends six characters to a secret's ARN. The request for the key names the secret. */
function ofSecret({ action, parameters }) {
  const secret = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:${parameters.SecretId}-AbCdEf`;
  return [ask(`secretsmanager:${action}`, secret), decrypts("secretsmanager", { SecretARN: secret })];
}

function ofParameter({ action, parameters }) {
  const parameter = `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter${parameters.Name}`;
  return [ask(`ssm:${action}`, parameter), decrypts("ssm", { PARAMETER_ARN: parameter })];
}

function decrypts(service, encryptionContext) {
  const [[name, value]] = Object.entries(encryptionContext);
  const key = `arn:aws:kms:${REGION}:${ACCOUNT}:key/00000000-0000-0000-0000-000000000000`;
  const context = { "kms:ViaService": `${service}.${REGION}.amazonaws.com`, [`kms:EncryptionContext:${name}`]: value };
  return ask("kms:Decrypt", key, context);
}
