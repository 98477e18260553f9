"""Writes template.yaml as CloudFormation expands it: with the SAM transform applied, and the state machine's definition in place.

cfn-lint, checkov and the proof of the permissions read the output. They read neither the transform nor the definition's file.
The suppressions in the template's `SecurityScan` metadata are put onto the resources that they name, where checkov reads
them. A suppression that names no resource is refused.

    python tests/deployment/expand.py OUTPUT.json
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = "statemachine/trapheus.asl.json"

# The transform asks boto3 for a region, and for nothing else.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


def template():
    """template.yaml with intrinsic functions in their long form, and each alias replaced by a copy."""
    return json.loads(json.dumps(yaml_parse((ROOT / "template.yaml").read_text())))


def definition():
    """The state machine's definition, with its substitutions unresolved."""
    return json.loads((ROOT / DEFINITION).read_text())


def expanded():
    """The template after the SAM transform, with every local file in place."""
    source = template()
    for resource in source["Resources"].values():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = {"Bucket": "artifacts", "Key": properties["CodeUri"]}
        if resource["Type"] == "AWS::Serverless::StateMachine":
            assert properties["DefinitionUri"] == DEFINITION
            properties["DefinitionUri"] = {"Bucket": "artifacts", "Key": DEFINITION}
    result = Translator(managed_policy_map={}, sam_parser=Parser()).translate(source, parameter_values={})
    for resource in result["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            del resource["Properties"]["DefinitionS3Location"]
            resource["Properties"]["Definition"] = definition()
    _suppress(result)
    return result


def _suppress(result):
    for skip in result["Metadata"]["SecurityScan"]["Skip"]:
        named = [
            resource
            for name, resource in result["Resources"].items()
            if resource["Type"] == skip.get("Type") or name == skip.get("Resource")
        ]
        if not named:
            raise SystemExit(f"{skip['Check']} is suppressed on something that does not exist: {skip}")
        for resource in named:
            skips = resource.setdefault("Metadata", {}).setdefault("checkov", {}).setdefault("skip", [])
            skips.append({"id": skip["Check"], "comment": skip["Because"]})


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(expanded(), indent=2) + "\n")
