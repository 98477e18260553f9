// Proves that each function's role allows every request of the function, and nothing else.

import { runSimulation } from "@cloud-copilot/iam-simulate";

import { authorizations } from "./authorizations.mjs";
import { PLACE, rolesOf } from "./roles.mjs";

/** The policy of a key that leaves its use to the policies of our account, as docs/permissions.md requires. */
const KEY_POLICY = {
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${PLACE["AWS::AccountId"]}:root` },
      Action: "kms:*",
      Resource: "*",
    },
  ],
};

/** The secret and the parameter with a rehearsal's Slack webhooks: crates/tools/cli/src/rehearsal.rs. */
const SLACK = { SlackWebhooksSecret: "trapheus/slack", SlackWebhooksParameter: "/trapheus/slack" };

/** The stack parameters that a function needs to make this request. */
function chosenFor({ caller, parameters }) {
  if (caller === "slack") return SLACK;
  return caller.startsWith("delete-") && parameters?.FinalDBSnapshotIdentifier ? { FinalSnapshot: "true" } : {};
}

/** The checks of all requests, each one once, in a deployment with these parameters. */
export function checksOf(requests, parameters = {}) {
  const checks = new Map();
  for (const request of requests) {
    const chosen = { ...chosenFor(request), ...parameters };
    for (const { action, resource, context } of authorizations(request)) {
      const check = { caller: request.caller, chosen, action, resource, context };
      checks.set(JSON.stringify(check), check);
    }
  }
  return [...checks.values()];
}

export class Proof {
  constructor(template) {
    this.template = template;
    this.roles = new Map();
    /** The number of actions that were taken from a role, one at a time. */
    this.taken = 0;
  }

  /** The role of a function in a deployment with these parameters. */
  role(caller, chosen) {
    const key = JSON.stringify(chosen);
    if (!this.roles.has(key)) {
      const required = { SenderEmail: "trapheus@example.com", RecipientEmail: "oncall@example.com" };
      this.roles.set(key, rolesOf(this.template, { ...required, ...chosen }));
    }
    const role = this.roles.get(key).get(caller);
    if (!role) throw new Error(`there is no function ${caller}`);
    return role;
  }

  async isAllowed(check, policies = this.role(check.caller, check.chosen).policies) {
    const { boundary } = this.role(check.caller, check.chosen);
    const answer = await runSimulation(
      {
        request: {
          principal: `arn:aws:sts::${PLACE["AWS::AccountId"]}:assumed-role/${check.caller}/${check.caller}`,
          action: check.action,
          resource: { resource: check.resource, accountId: check.resource.split(":")[4] || PLACE["AWS::AccountId"] },
          contextVariables: evaluable(check.context),
        },
        identityPolicies: evaluable(policies),
        permissionBoundaryPolicies: evaluable(boundary),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy: check.action.startsWith("kms:") ? KEY_POLICY : undefined,
      },
      {},
    );
    if (answer.resultType === "error") throw new Error(`${check.action} on ${check.resource}: ${JSON.stringify(answer.errors)}`);
    return answer.overallResult === "Allowed";
  }

  /** The checks that a role does not pass. */
  async denied(checks) {
    const verdicts = await Promise.all(checks.map((check) => this.isAllowed(check)));
    return checks.filter((_, index) => !verdicts[index]);
  }

  /** The actions that no check needs, and the justifications of actions that a check does need. */
  async needless(checks) {
    const found = [];
    for (const [caller, chosen] of this.deployments()) {
      const { policies, justified } = this.role(caller, chosen);
      const known = isSame(chosen, {}) || caller === "slack" ? [] : this.role(caller, {}).policies.flatMap(({ policy }) => policy.Statement);
      for (const { statement, action, without } of reductions(policies)) {
        if (known.some(({ Sid }) => Sid === statement)) continue;
        const concerned = checks.filter(
          (check) => check.caller === caller && check.action === action && isSame(check.chosen, chosen),
        );
        this.taken += 1;
        const missed = await this.isMissed(concerned, without);
        const place = `${caller}: ${action} of ${statement}`;
        const isJustified = action in justified || `${action} of ${statement}` in justified;
        if (!missed && !isJustified) found.push(`${place} is allowed, and no request needs it`);
        if (missed && isJustified) found.push(`${place} is justified as never rehearsed, but a request needs it`);
      }
    }
    return found;
  }

  async isMissed(checks, policies) {
    for (const check of checks) {
      if (!(await this.isAllowed(check, policies))) return true;
    }
    return false;
  }

  /** Every role with the default parameters, and the roles to which other parameters add permissions. */
  *deployments() {
    this.role("email", {});
    for (const caller of this.roles.get("{}").keys()) {
      if (caller !== "slack") yield [caller, {}];
    }
    yield ["slack", SLACK];
    for (const caller of ["delete-instance", "delete-cluster"]) yield [caller, { FinalSnapshot: "true" }];
  }
}

/** The evaluator does not know `kms:EncryptionContext:<name>`, so a tag of the same name and value stands in for it. */
function evaluable(value) {
  return JSON.parse(JSON.stringify(value).replaceAll("kms:EncryptionContext:", "aws:PrincipalTag/"));
}

/** All policy sets that lack one action of one statement. */
function* reductions(policies) {
  for (const [at, { policy }] of policies.entries()) {
    for (const [index, statement] of policy.Statement.entries()) {
      for (const action of [statement.Action].flat()) {
        const kept = [statement.Action].flat().filter((other) => other !== action);
        const reduced = kept.length > 0 ? [{ ...statement, Action: kept }] : [];
        const statements = [...policy.Statement.slice(0, index), ...reduced, ...policy.Statement.slice(index + 1)];
        const without = statements.length > 0 ? policies.with(at, { name: "reduced", policy: { ...policy, Statement: statements } }) : [];
        yield { statement: statement.Sid, action, without };
      }
    }
  }
}

function isSame(left, right) {
  return JSON.stringify(left) === JSON.stringify(right);
}
