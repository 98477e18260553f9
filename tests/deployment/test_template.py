"""Checks the template against the state machine, the functions' code and the documentation."""

import fnmatch
import json
import re
import tomllib

import pytest
from expand import ROOT, definition, expanded, template

TEMPLATE = template()
EXPANDED = expanded()
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = {name: resource for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"}
ROLES = {name: resource for name, resource in EXPANDED["Resources"].items() if resource["Type"] == "AWS::IAM::Role"}
ROLES_OF_FUNCTIONS = [f"{name}Role" for name in FUNCTIONS]


# The table of `crates/common/src/contract/functions.rs`.
TIME_LIMITS = {row["name"]: row["timeLimitSeconds"] for row in json.loads((ROOT / "tests/deployment/functions.json").read_text())}


def binary(function):
    return function["Metadata"]["BuildProperties"]["Binary"]


def pascal(stem):
    return "".join(word.capitalize() for word in stem.split("-"))


def source(path):
    return (ROOT / path).read_text()


def main_of(function):
    return source(f"{function['Properties']['CodeUri']}/src/bin/{binary(function)}.rs")


def states(machine):
    """Every state that an execution can reach, branches included."""
    found, waiting = {}, [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        state = found[name] = machine["States"][name]
        waiting += [target for target in next_states(state) if target]
        for inner in state.get("Branches", []) + [state[key] for key in ("Iterator", "ItemProcessor") if key in state]:
            found |= states(inner)
    return found


def next_states(state):
    yield state.get("Next")
    yield state.get("Default")
    for choice in state.get("Choices", []) + state.get("Catch", []):
        yield choice["Next"]


def tasks():
    return [state for state in states(definition()).values() if state["Type"] == "Task"]


def text_of(value):
    return json.dumps(value)


# ---- The state machine and its functions


def test_every_substitution_is_declared_and_every_declared_one_is_used():
    used = set(re.findall(r"\$\{(\w+)\}", text_of(definition())))
    declared = RESOURCES["DBRestoreStateMachine"]["Properties"]["DefinitionSubstitutions"]
    assert used == set(declared)
    assert declared == {f"{name}Arn": {"Fn::GetAtt": [name, "Arn"]} for name in FUNCTIONS}


def test_every_function_is_reached_from_the_start_of_the_state_machine():
    called = {re.fullmatch(r"\$\{(\w+)Arn\}", task["Resource"])[1] for task in tasks()}
    assert called == set(FUNCTIONS)


def test_the_state_machine_may_call_its_functions_and_no_others():
    statements = ROLES["StatesExecutionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    calls = next(statement for statement in statements if statement["Sid"] == "CallFunctions")
    assert calls["Resource"] == [{"Fn::GetAtt": [name, "Arn"]} for name in FUNCTIONS]


def test_every_binary_is_deployed_as_the_function_of_its_name():
    for name, function in FUNCTIONS.items():
        assert name == f"{pascal(binary(function))}Function"
        assert EXPANDED["Resources"][name]["Properties"]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert f"//! Lambda function `{binary(function)}`" in main_of(function)
    deployed = sorted(map(binary, FUNCTIONS.values()))
    assert deployed == sorted(path.stem for path in ROOT.glob("crates/functions/*/src/bin/*.rs"))


def test_every_function_is_rehearsed():
    assert sorted(TIME_LIMITS) == sorted(map(binary, FUNCTIONS.values()))


def test_every_function_is_built_by_cargo_lambda():
    assert {function["Metadata"]["BuildMethod"] for function in FUNCTIONS.values()} == {"rust-cargolambda"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_time_limit_of_its_rehearsals(name):
    assert EXPANDED["Resources"][name]["Properties"]["Timeout"] == TIME_LIMITS[binary(FUNCTIONS[name])]


def test_the_state_machine_waits_longer_for_a_function_than_lambda_does():
    for task in tasks():
        name = re.fullmatch(r"\$\{(\w+)Arn\}", task["Resource"])[1]
        assert task["TimeoutSeconds"] > EXPANDED["Resources"][name]["Properties"]["Timeout"]


def variables_read(text):
    """Names of the environment variables that this Rust code reads, itself or through a `from_environment`."""
    names = set(re.findall(r'\b(?:setting|text|var)\(\s*"(\w+)"', text))
    for kind in re.findall(r"(\w+)::from_environment\(", text):
        names |= variables_read(constructor(kind))
    return names


def constructor(kind):
    for path in ROOT.glob("crates/**/src/**/*.rs"):
        body = re.search(rf"^impl {kind} \{{.*?^}}", path.read_text(), re.DOTALL | re.MULTILINE)
        found = body and re.search(r"fn from_environment\(.*?\n    }", body[0], re.DOTALL)
        if found:
            return found[0]
    raise AssertionError(f"there is no {kind}::from_environment")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_given_the_variables_that_it_reads_and_no_others(name):
    given = set(EXPANDED["Resources"][name]["Properties"]["Environment"]["Variables"])
    by_lambda = {"AWS_REGION"}
    everywhere = variables_read(source("crates/common/src/runtime/lambda.rs").split("#[cfg(test)]")[0])
    assert everywhere == {"RUST_LOG"}
    read = (variables_read(main_of(FUNCTIONS[name])) | everywhere) - by_lambda
    # Every preflight gets the limits of a run, even one that leaves their check to AWS.
    limits = {"DATABASE_NAMES", "SOURCE_NAMES", "REQUIRE_OPT_IN"} if name.startswith("Preflight") else set()
    assert given == read | limits


# ---- The rules that start it


def is_left_alone(text):
    """Whether the recovery rule ignores an execution with this input."""
    (rule,) = RESOURCES["RecoveryRule"]["Properties"]["EventPattern"]["detail"]["input"]
    patterns = rule["anything-but"]["wildcard"]
    assert not any(re.search(r"[\[?\\]", pattern) for pattern in patterns), "fnmatch would read these otherwise"
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def test_a_recovery_is_never_recovered():
    (target,) = RESOURCES["RecoveryRule"]["Properties"]["Targets"]
    transformer = target["InputTransformer"]
    paths = {"execution": "$.detail.executionArn", "status": "$.detail.status", "stoppedAt": "$.time"}
    assert transformer["InputPathsMap"] == paths
    # EventBridge inserts a string with its quotes.
    text = transformer["InputTemplate"].replace("<execution>", '"arn:aws:states:eu-west-1:1:execution:machine:run"')
    text = text.replace("<status>", '"ABORTED"').replace("<stoppedAt>", '"2026-01-31T08:00:00Z"')
    assert json.loads(text)["task"] == "recover" and json.loads(text)["status"] == "ABORTED"
    assert is_left_alone(text)


def test_every_other_execution_that_does_not_succeed_is_recovered():
    detail = RESOURCES["RecoveryRule"]["Properties"]["EventPattern"]["detail"]
    assert detail["stateMachineArn"] == [{"Ref": "DBRestoreStateMachine"}]
    assert sorted(detail["status"]) == ["ABORTED", "FAILED", "TIMED_OUT"]
    for path in sorted(ROOT.glob("events/*.json")):
        event = json.loads(path.read_text())
        spellings = [path.read_text(), json.dumps(event), json.dumps(event, separators=(",", ":")), json.dumps(event, indent=2)]
        assert [is_left_alone(text) for text in spellings] == [event["task"] == "recover"] * 4, path
    # A database may be named `recover`.
    assert not is_left_alone('{"identifier": "recover", "task": "db_restore", "isCluster": false}')
    assert not is_left_alone('{"task":"db_restore","isCluster":false,"identifier":"recover"}')


def test_the_schedule_is_off_until_its_input_names_a_database():
    parameters = TEMPLATE["Parameters"]
    assert parameters["EnableSchedule"]["Default"] == "false"
    assert RESOURCES["DBRestoreStateMachineEventRule"]["Properties"]["State"] == {"Fn::If": ["IsScheduled", "ENABLED", "DISABLED"]}
    example = parameters["ScheduleInput"]["Default"]
    assert set(json.loads(example)) == {"identifier", "task", "isCluster"}
    assert example in text_of(TEMPLATE["Rules"]["AScheduleHasAnInput"]).replace("\\", "")


def test_the_rules_may_start_this_state_machine_and_nothing_else():
    (policy,) = ROLES["CWEventStatesExecutionRole"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("states:StartExecution", {"Ref": "DBRestoreStateMachine"})
    rules = [rule["Properties"] for rule in RESOURCES.values() if rule["Type"] == "AWS::Events::Rule"]
    for target in [target for rule in rules for target in rule["Targets"]]:
        assert target["Arn"] == {"Ref": "DBRestoreStateMachine"}


# ---- Logs and alarms


def test_the_state_machine_logs_no_data_unless_it_is_asked_to():
    logging = RESOURCES["DBRestoreStateMachine"]["Properties"]["Logging"]
    assert logging["IncludeExecutionData"] == {"Fn::If": ["LogsExecutionData", True, False]}
    assert TEMPLATE["Conditions"]["LogsExecutionData"] == {"Fn::Equals": [{"Ref": "LogExecutionData"}, "true"]}
    assert TEMPLATE["Parameters"]["LogExecutionData"]["Default"] == "false"


def test_a_stack_whose_alarms_reach_no_person_says_so():
    warning = TEMPLATE["Outputs"]["Warning"]
    assert TEMPLATE["Conditions"][warning["Condition"]] == {"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}
    assert TEMPLATE["Parameters"]["AlarmTopicArn"]["Default"] == ""
    assert "AlarmTopicArn" in warning["Value"]


# ---- Parameters and names


def test_the_parameters_of_the_original_project_are_kept():
    parameters = TEMPLATE["Parameters"]
    assert {"vpcId", "Subnets", "SenderEmail", "RecipientEmail", "UseVPCAndSubnets"} <= set(parameters)
    assert parameters["UseVPCAndSubnets"]["Default"] == "true"
    assert parameters["ScheduleExpression"]["Default"] == "cron(0 8 ? * FRI *)"


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_a_parameter_is_described_checked_grouped_labelled_documented_and_used(name):
    parameter = TEMPLATE["Parameters"][name]
    interface = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
    assert parameter["Description"]
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
    assert sum(name in group["Parameters"] for group in interface["ParameterGroups"]) == 1
    assert name in interface["ParameterLabels"]
    assert f"| `{name}` |" in source("docs/deployment.md")
    used = text_of({key: TEMPLATE[key] for key in ("Conditions", "Globals", "Resources")})
    assert text_of({"Ref": name}) in used or f"${{{name}}}" in used


@pytest.mark.parametrize("name", [name for name, parameter in TEMPLATE["Parameters"].items() if "AllowedPattern" in parameter])
def test_a_default_fits_its_own_pattern(name):
    parameter = TEMPLATE["Parameters"][name]
    if "Default" in parameter:
        assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("RecipientEmail", "a@example.com", True),
        ("RecipientEmail", "a@example.com,b@example.com", True),
        ("RecipientEmail", "a@example.com, b@example.com", False),
        ("RecipientEmail", " a@example.com", False),
        ("RecipientEmail", "*@example.com", False),
        ("RecipientEmail", "${aws:username}@example.com", False),
        ("RecipientEmail", "a@example.com,", False),
        ("RecipientEmail", "a@example.com;b@example.com", False),
        ("SenderEmail", "Trapheus <a@example.com>", False),
        ("Subnets", "subnet-0123abcd,subnet-0123456789abcdef0", True),
        ("Subnets", "subnet-0123abcd, subnet-0123abcd", False),
        ("vpcId", "vpc-0123456789abcdef0", True),
        ("vpcId", "subnet-0123abcd", False),
        ("ScheduleExpression", "rate(7 days)", True),
        ("ScheduleExpression", "every friday", False),
        ("AlarmTopicArn", "arn:aws-cn:sns:cn-north-1:123456789012:alarms", True),
        ("AlarmTopicArn", "alarms", False),
        ("SlackWebhooksSecret", "trapheus/slack", True),
        ("SlackWebhooksSecret", "https://hooks.slack.com/services/T/B/x", False),
        ("SlackWebhooksSecret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack", False),
        ("DatabaseNames", "*", True),
        ("DatabaseNames", "orders", True),
        ("DatabaseNames", ",".join(["shop-"] * 8), True),
        ("DatabaseNames", ",".join(["shop-"] * 9), False),
        ("DatabaseNames", "s" * 41, False),
        ("DatabaseNames", "orders, shop", False),
        ("DatabaseNames", "orders*", False),
        ("DatabaseNames", "orders,*", False),
        ("DatabaseNames", "", False),
        ("DatabaseNames", "Orders", False),
        ("SourceNames", "*", True),
        ("SourceNames", "production,shop-", True),
        ("SourceNames", "production, shop", False),
        ("SourceNames", "", True),
        ("SourceNames", "Production", False),
        ("MonitoringRole", "service-role/rds-monitoring-*", True),
        ("MonitoringRole", "arn:aws:iam::123456789012:role/x", False),
        ("DirectoryRole", "", False),
        ("SlackWebhooksParameter", "/trapheus/slack", True),
        ("SlackWebhooksParameter", "trapheus", False),
        ("SlackWebhooksParameter", "https://hooks.slack.com/services/T/B/x", False),
    ],
)
def test_a_parameter_takes_only_well_formed_values(name, value, fits):
    assert bool(re.fullmatch(TEMPLATE["Parameters"][name]["AllowedPattern"], value)) == fits


def test_every_name_derives_from_the_stack():
    named = {"Name", "FunctionName", "RoleName", "ManagedPolicyName", "GroupName", "LogGroupName", "AlarmName", "DashboardName"}
    for logical_id, resource in EXPANDED["Resources"].items():
        for key in named & set(resource["Properties"]):
            assert "${AWS::StackName}" in text_of(resource["Properties"][key]), logical_id


def test_every_resource_that_takes_tags_names_its_application_and_component():
    without = {"AWS::IAM::ManagedPolicy", "AWS::CloudWatch::Dashboard", "AWS::S3::BucketPolicy"}
    for logical_id, resource in EXPANDED["Resources"].items():
        if resource["Type"] in without:
            continue
        tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
        assert tags["AppName"] == "trapheus", logical_id
        assert tags["AppComponent"].startswith("trapheus:"), logical_id
        if resource["Type"] == "AWS::Lambda::Function":
            assert tags["AppFunction"].startswith("trapheus:"), logical_id


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_an_environment_of_samconfig_names_parameters_that_exist(environment):
    deploy = tomllib.loads(source("samconfig.toml"))[environment]["deploy"]["parameters"]
    chosen = dict(override.split("=", 1) for override in deploy["parameter_overrides"])
    for name, value in chosen.items():
        parameter = TEMPLATE["Parameters"][name]
        assert value in map(str, parameter.get("AllowedValues", [value]))
    assert deploy["stack_name"].endswith(environment) and len(deploy["stack_name"]) <= 58
    assert deploy["capabilities"] == "CAPABILITY_IAM"


# ---- Permissions


def statements_of(name):
    for policy in ROLES[name]["Properties"].get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def as_list(value):
    return value if isinstance(value, list) else [value]


def test_no_permission_is_a_wildcard():
    anywhere = {"LookAtExports", "LookAtQuotasAndOffers", "WriteLogs", "WriteTraces"}
    # RDS requires these actions as patterns.
    by_pattern = {("SnapshotExportRole", "WriteExports")}
    for name in ROLES:
        for statement in statements_of(name):
            wildcards = any("*" in action for action in as_list(statement["Action"]))
            assert wildcards == ((name, statement["Sid"]) in by_pattern), (name, statement["Sid"])
            assert statement["Resource"] != "*" or statement["Sid"] in anywhere, (name, statement["Sid"])


@pytest.mark.parametrize("name", ROLES)
def test_every_permission_of_a_role_is_documented(name):
    documented = source("docs/permissions.md")
    for statement in statements_of(name):
        row = next((line for line in documented.splitlines() if line.startswith(f"| `{name}` | {statement['Sid']} |")), "")
        for action in as_list(statement["Action"]):
            assert f"`{action}`" in row, (name, statement["Sid"], action)


def test_no_permission_is_documented_that_does_not_exist():
    rows = re.findall(r"^\| `(\w+Role)` \| (\w+) \| (.*?) \|", source("docs/permissions.md"), re.MULTILINE)
    assert rows
    given = {(name, statement["Sid"]): set(as_list(statement["Action"])) for name in ROLES for statement in statements_of(name)}
    for name, sid, actions in rows:
        assert set(re.findall(r"`(.*?)`", actions)) == given[name, sid], (name, sid)


def longest(value):
    """The highest number of characters of a policy, without blanks, as IAM counts them. It assumes the longest partition, region
    and stack name, and every condition true."""
    place = {"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-east-1", "AWS::AccountId": "1" * 12, "AWS::StackName": "s" * 58}
    most = {"DatabaseNames": ",".join(["n" * 40] * 8), "SourceNames": ",".join(["n" * 40] * 8), "RecipientEmail": ",".join(["r" * 60] * 50), "SenderEmail": "s" * 60}

    def resolved(value):
        match value:
            case {"Fn::If": [_, then, _]}:
                return resolved(then)
            case {"Fn::Sub": [text, given]}:
                return substituted(text, {name: resolved(each) for name, each in given.items()})
            case {"Fn::Sub": text}:
                return substituted(text, {})
            case {"Fn::Split": [delimiter, text]}:
                return resolved(text).split(delimiter)
            case {"Fn::Join": [delimiter, parts]}:
                return delimiter.join(resolved(parts))
            case {"Ref": name}:
                return place.get(name) or most.get(name, "v" * 64)
            case {"Fn::GetAtt": _}:
                return "a" * 140
            case dict():
                return {key: resolved(each) for key, each in value.items()}
            case list():
                return [resolved(each) for each in value]
        return value

    def substituted(text, given):
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: (given | place).get(found[1], "v" * 64), text)

    return len(re.sub(r"\s", "", json.dumps(resolved(value))))


@pytest.mark.parametrize("name", ROLES)
def test_the_policies_of_a_role_fit_into_it_with_the_longest_parameters(name):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    policies = ROLES[name]["Properties"].get("Policies", [])
    assert sum(longest(policy["PolicyDocument"]) for policy in policies) <= 10_240


def test_a_managed_policy_fits_with_the_longest_parameters():
    managed = {name: resource for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::ManagedPolicy"}
    assert {name: longest(policy["Properties"]["PolicyDocument"]) <= 6_144 for name, policy in managed.items()} == dict.fromkeys(managed, True)


def limits(effect):
    """The statements of the permissions boundary that allow, or those that deny."""
    statements = RESOURCES["FunctionLimits"]["Properties"]["PolicyDocument"]["Statement"]
    plain = [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in statements]
    return [statement for statement in plain if statement["Effect"] == effect]


@pytest.mark.parametrize("name", ROLES_OF_FUNCTIONS)
def test_the_role_of_a_function_has_the_limits_and_no_policy_besides_its_own_and_those_of_sam(name):
    role = ROLES[name]["Properties"]
    assert role["PermissionsBoundary"] == {"Ref": "FunctionLimits"}
    assert len(role.get("Policies", [])) <= 1
    # SAM always adds these. The boundary reduces them: permissions/proof.test.mjs.
    by_sam = ["service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "service-role/AWSLambdaVPCAccessExecutionRole"]
    assert role["ManagedPolicyArns"] == [f"arn:aws:iam::aws:policy/{policy}" for policy in by_sam]


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_the_limits_are_documented(effect):
    heading = {"Allow": "## Allowed to every function", "Deny": "## Denied to every function"}[effect]
    documented = source("docs/permissions.md").split(heading)[1].split("\n## ")[0]
    assert re.findall(r"^\| (\w+) \|", documented, re.MULTILINE)[1:] == [statement["Sid"] for statement in limits(effect)]


def test_the_limits_leave_room_for_the_actions_of_the_functions_and_for_no_other():
    given = {action for name in ROLES_OF_FUNCTIONS for statement in statements_of(name) for action in as_list(statement["Action"])}
    (allowed,) = [statement["Action"] for statement in limits("Allow") if statement["Sid"] == "ActionsOfTheFunctions"]
    assert [action for action in allowed if "*" in action] == ["rds:Describe*"]
    assert set(allowed) == {re.sub("^rds:Describe.*", "rds:Describe*", action) for action in given}


def test_every_change_that_a_function_may_make_is_subject_to_the_limits():
    given = {action for name in ROLES_OF_FUNCTIONS for statement in statements_of(name) for action in as_list(statement["Action"])}
    # An export reads a snapshot.
    changes = {action for action in given if action.startswith("rds:") and not action.startswith("rds:Describe")} - {"rds:StartExportTask"}
    denied = {action for statement in limits("Deny") if "NotResource" in statement for action in statement["Action"]}
    assert denied == changes


def test_every_passed_role_goes_to_the_service_that_uses_it():
    passed = [(name, statement) for name in ROLES for statement in statements_of(name) if statement["Action"] == "iam:PassRole"]
    services = {
        "PassExportRole": "export.rds.amazonaws.com",
        "PassMonitoringRole": "monitoring.rds.amazonaws.com",
        "PassDirectoryRole": "rds.amazonaws.com",
    }
    assert {statement["Sid"] for _, statement in passed} == set(services)
    for name, statement in passed:
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": services[statement["Sid"]]}}, name


def test_only_the_export_functions_pass_the_export_role_and_only_for_exports():
    passed = [(name, statement) for name in ROLES for statement in statements_of(name) if statement["Action"] == "iam:PassRole"]
    exports = [(name, statement) for name, statement in passed if "SnapshotExportRole" in text_of(statement["Resource"])]
    assert sorted(name for name, _ in exports) == ["ExportClusterFunctionRole", "ExportInstanceFunctionRole"]
    for _, statement in exports:
        assert statement["Resource"] == {"Fn::GetAtt": ["SnapshotExportRole", "Arn"]}
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "export.rds.amazonaws.com"}}
    trust = ROLES["SnapshotExportRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert [statement["Condition"] for statement in trust] == [{"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}]


def test_exports_are_encrypted_and_private_and_are_kept_or_deleted_together_with_their_key():
    bucket, policy, key = (RESOURCES[name] for name in ("SnapshotsBucket", "SnapshotsBucketPolicy", "SnapshotExportKmsKey"))
    for resource in (bucket, policy, key):
        assert resource["DeletionPolicy"] == {"Fn::If": ["KeepsExports", "RetainExceptOnCreate", "Delete"]}
        assert resource["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": ["SnapshotExportKmsKey", "Arn"]}
    (denied,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert key["Properties"]["EnableKeyRotation"] is True
    for statement in key["Properties"]["KeyPolicy"]["Statement"]:
        assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
        assert not any("*" in action for action in statement["Action"])


def test_every_suppression_of_the_security_scan_is_explained():
    for skip in TEMPLATE["Metadata"]["SecurityScan"]["Skip"]:
        assert len(skip["Because"].split()) > 5, skip
