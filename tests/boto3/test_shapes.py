"""The service model of RDS has every element of every answer."""

import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import URL

ACTIONS = [
    "DescribeDBInstances",
    "DescribeDBClusters",
    "DescribeDBSnapshots",
    "DescribeDBClusterSnapshots",
    "DescribeDBInstanceAutomatedBackups",
    "DescribeDBClusterAutomatedBackups",
    "DescribeDBParameterGroups",
    "DescribeDBClusterParameterGroups",
    "DescribeOptionGroups",
    "DescribeDBSubnetGroups",
    "DescribeGlobalClusters",
    "DescribeBlueGreenDeployments",
    "DescribeDBClusterEndpoints",
    "DescribeDBProxies",
]


def unknown(element, shape, path):
    """Paths of elements that the shape does not have, and of leaves with child elements."""
    children = [(child.tag.split("}")[1], child) for child in element]
    if shape.type_name == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, child in children:
            if name in members:
                yield from unknown(child, members[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif shape.type_name == "list":
        wanted = shape.member.serialization.get("name", "member")
        for name, child in children:
            yield from unknown(child, shape.member, f"{path}[]") if name == wanted else [f"{path}.{name}"]
    elif children:
        yield path


@pytest.mark.parametrize("action", ACTIONS)
def test_answer_has_the_shape_of_the_model(rds, action):
    body = urllib.parse.urlencode({"Action": action, "Version": "2014-10-31"}).encode()
    with urllib.request.urlopen(URL, data=body) as answer:
        document = ElementTree.fromstring(answer.read())
    model = rds.meta.service_model.operation_model(action)
    result = next(child for child in document if child.tag.endswith(f"{action}Result"))
    assert list(unknown(result, model.output_shape, action)) == []
