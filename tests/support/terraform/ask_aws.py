"""Asks the stand-in what it holds; run by the tools' environment, which has boto3. Prints one JSON object."""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3

_GONE = {"terminated", "TERMINATED", "TERMINATED_WITH_ERRORS", "DELETED", "deleted", "PendingDeletion"}


def secrets() -> dict[str, str]:
    """The value of every secret that has one, by its name."""
    manager = boto3.client("secretsmanager")
    pages = manager.get_paginator("list_secrets").paginate()
    names = [secret["Name"] for page in pages for secret in page["SecretList"] if secret.get("SecretVersionsToStages")]
    return {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}


def left() -> dict[str, list[Any]]:
    """What costs money or holds data, if it is there still."""
    reservations = boto3.client("ec2").describe_instances()["Reservations"]
    instances = [one for group in reservations for one in group["Instances"] if one["State"]["Name"] not in _GONE]
    nats = boto3.client("ec2").describe_nat_gateways()["NatGateways"]
    clusters = boto3.client("emr").list_clusters()["Clusters"]
    found = {
        "instances": [one["InstanceId"] for one in instances],
        "volumes": [one["VolumeId"] for one in boto3.client("ec2").describe_volumes()["Volumes"]],
        "nat gateways": [one["NatGatewayId"] for one in nats if one["State"] not in _GONE],
        "addresses": [one["AllocationId"] for one in boto3.client("ec2").describe_addresses()["Addresses"]],
        "buckets": [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]],
        "databases": [
            one["DBInstanceIdentifier"] for one in boto3.client("rds").describe_db_instances()["DBInstances"]
        ],
        "kafka": [one["ClusterName"] for one in boto3.client("kafka").list_clusters()["ClusterInfoList"]],
        "emr": [one["Name"] for one in clusters if one["Status"]["State"] not in _GONE],
        "secrets": [one["Name"] for one in boto3.client("secretsmanager").list_secrets()["SecretList"]],
        "balancers": [
            one["LoadBalancerName"] for one in boto3.client("elbv2").describe_load_balancers()["LoadBalancers"]
        ],
    }
    return {kind: names for kind, names in found.items() if names}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"secrets": secrets, "left": left}[sys.argv[1]]()))
