// The policies and the boundary of each function's role in the expanded template, with every intrinsic function resolved.
//
// Resolves the intrinsic functions that the template uses, and refuses all others by name. authorizations.mjs handles requests.

/** The account of the recorded requests, and the stack of the functions that made them. */
export const PLACE = {
  "AWS::Partition": "aws",
  "AWS::Region": "us-east-1",
  "AWS::AccountId": "123456789012",
  "AWS::StackName": "trapheus",
};

const NOTHING = Symbol("AWS::NoValue");

/**
 * SAM gives every role AWS's own policies for logs, traces and network interfaces. They are left out here, because no function
 * makes such requests itself.
 *
 * @param template the output of expand.py
 * @param chosen parameters that differ from their defaults
 * @returns {Map<string, {policies: object[], boundary: object[], justified: object}>} by the stem of the function's binary: its
 *   own policy documents, that of its permissions boundary, and the reasons for the actions that no rehearsal needs
 */
export function rolesOf(template, chosen) {
  const resolver = new Resolver(template, chosen);
  const roles = new Map();
  for (const [name, resource] of Object.entries(template.Resources)) {
    if (resource.Type !== "AWS::Lambda::Function") continue;
    const { Properties: role } = template.Resources[resource.Properties.Role["Fn::GetAtt"][0]];
    const inline = resolver.resolve(role.Policies ?? []);
    const limits = role.PermissionsBoundary.Ref;
    roles.set(stemOf(name), {
      policies: inline.map((policy) => ({ name: policy.PolicyName, policy: policy.PolicyDocument })),
      boundary: [{ name: limits, policy: resolver.resolve(template.Resources[limits].Properties.PolicyDocument) }],
      justified: resource.Metadata?.Unrehearsed ?? {},
    });
  }
  return roles;
}

function stemOf(logicalId) {
  return logicalId
    .replace(/Function$/, "")
    .replace(/(?<!^)([A-Z])/g, "-$1")
    .toLowerCase();
}

class Resolver {
  constructor(template, chosen) {
    this.template = template;
    const defaults = Object.entries(template.Parameters).map(([name, parameter]) => [name, parameter.Default]);
    this.values = { ...Object.fromEntries(defaults), ...chosen, ...PLACE };
  }

  resolve(value) {
    if (Array.isArray(value)) return value.map((item) => this.resolve(item)).filter((item) => item !== NOTHING);
    if (value === null || typeof value !== "object") return value;
    const [[key, argument], ...others] = Object.entries(value).length ? Object.entries(value) : [[undefined]];
    if (others.length === 0) {
      if (key === "Ref") return this.ref(argument);
      if (key === "Fn::Sub") return this.substitute(...(Array.isArray(argument) ? argument : [argument, {}]));
      if (key === "Fn::Split") return this.resolve(argument[1]).split(argument[0]);
      if (key === "Fn::Join") return this.resolve(argument[1]).join(argument[0]);
      if (key === "Fn::If") return this.resolve(this.holds(argument[0]) ? argument[1] : argument[2]);
      if (key === "Fn::GetAtt") return this.arn(argument);
      if (key?.startsWith("Fn::")) throw new Error(`${key} is not resolved here`);
    }
    const entries = Object.entries(value).map(([name, item]) => [name, this.resolve(item)]);
    return Object.fromEntries(entries.filter(([, item]) => item !== NOTHING));
  }

  substitute(text, given) {
    return text.replace(/\$\{([\w:]+)\}/g, (_, name) => (name in given ? this.resolve(given[name]) : this.ref(name)));
  }

  /** The ARN of a resource of the stack, as the rehearsals write it. */
  arn([name, attribute]) {
    const { "AWS::Region": region, "AWS::AccountId": account } = PLACE;
    const { Type: type, Properties: properties } = this.template.Resources[name] ?? {};
    if (attribute === "Arn" && type === "AWS::IAM::Role") return `arn:aws:iam::${account}:role/${name}`;
    if (attribute === "Arn" && type === "AWS::KMS::Key") return `arn:aws:kms:${region}:${account}:key/${name}`;
    if (attribute === "Arn" && type === "AWS::Logs::LogGroup") {
      return `arn:aws:logs:${region}:${account}:log-group:${this.resolve(properties.LogGroupName)}:*`;
    }
    throw new Error(`${name}.${attribute} is not resolved here`);
  }

  ref(name) {
    if (name === "AWS::NoValue") return NOTHING;
    if (this.values[name] === undefined) throw new Error(`${name} has no value`);
    return this.values[name];
  }

  holds(condition) {
    return this.evaluate(this.template.Conditions[condition]);
  }

  evaluate(expression) {
    const [operator, operands] = Object.entries(expression)[0];
    switch (operator) {
      case "Fn::Equals":
        return this.resolve(operands[0]) === this.resolve(operands[1]);
      case "Fn::Not":
        return !this.evaluate(operands[0]);
      case "Fn::And":
        return operands.every((operand) => this.evaluate(operand));
      case "Condition":
        return this.holds(operands);
      default:
        throw new Error(`${operator} is not evaluated here`);
    }
  }
}
