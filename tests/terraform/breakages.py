"""Ways to break each rule: what the module's tests must say then, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Breakage:
    """In ``file`` of ``module``, ``old`` becomes ``new``: ``rule`` must fail, and no other.

    ``rule`` is an assertion's message, or the name of a run that expects a refusal.
    """

    module: str
    rule: str
    file: str
    old: str
    new: str = ""

    def __str__(self) -> str:
        return f"{self.module}: {self.rule}"


_NETWORK = (
    (
        "A machine in a private subnet would get a public address.",
        *("vpc.tf", "map_public_ip_on_launch = false", "map_public_ip_on_launch = true"),
    ),
    (
        "A machine beside the NAT gateway would get a public address.",
        *("egress.tf", "map_public_ip_on_launch = false", "map_public_ip_on_launch = true"),
    ),
    (
        "A private subnet has a route to the internet gateway.",
        "egress.tf",
        "nat_gateway_id = aws_nat_gateway.this[var.nat_per_zone ? each.key : var.availability_zones[0]].id",
        'gateway_id = "igw-1"',
    ),
    (
        "Endpoints must be reached from inside the network alone.",
        *("endpoints.tf", "cidr_ipv4         = var.cidr", 'cidr_ipv4 = "0.0.0.0/0"'),
    ),
    (
        "The network's default group must let nothing through.",
        "vpc.tf",
        "ingress = []",
        'ingress = [{ cidr_blocks = ["10.0.0.0/8"], description = "", from_port = 22, to_port = 22, protocol = "tcp", '
        "ipv6_cidr_blocks = [], prefix_list_ids = [], security_groups = [], self = false }]",
    ),
    (
        "All traffic is logged, refused packets too.",
        *("flow_logs.tf", 'traffic_type    = "ALL"', 'traffic_type = "ACCEPT"'),
    ),
    (
        "The log must be encrypted with the deployment's key.",
        *("flow_logs.tf", "kms_key_id        = var.site.kms_key_arn"),
    ),
    (
        "Six subnets, six blocks.",
        *("egress.tf", "cidrsubnet(var.cidr, 8, 240 + each.value)", "cidrsubnet(var.cidr, 8, 240)"),
    ),
    (
        "two_zones_are_refused",
        "variables.tf",
        "length(var.availability_zones) == 3 && length(distinct(var.availability_zones)) == 3",
        "length(var.availability_zones) >= 2",
    ),
)
_KAFKA = (
    (
        "Clients must speak TLS: neither PLAINTEXT nor TLS_PLAINTEXT.",
        *("cluster.tf", 'client_broker = "TLS"', 'client_broker = "TLS_PLAINTEXT"'),
    ),
    ("Brokers must speak TLS to each other.", "cluster.tf", "in_cluster    = true", "in_cluster    = false"),
    (
        "Topics must be encrypted with the deployment's key.",
        "cluster.tf",
        "encryption_at_rest_kms_key_arn = var.site.kms_key_arn",
        'encryption_at_rest_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/other"',
    ),
    (
        "A client without credentials would get in.",
        *("cluster.tf", "unauthenticated = false", "unauthenticated = true"),
    ),
    ("Services sign in by SCRAM.", "cluster.tf", "scram = true", "scram = false"),
    (
        "A topic without ACLs would be open to all.",
        "configuration.tf",
        '"allow.everyone.if.no.acl.found"           = "false"',
        '"allow.everyone.if.no.acl.found" = "true"',
    ),
    (
        "Brokers are reached by named groups, never by addresses.",
        *("access.tf", "referenced_security_group_id = each.value.group", 'cidr_ipv4 = "0.0.0.0/0"'),
    ),
    ("9096 for SCRAM, 9098 for IAM, no other port.", "access.tf", "port = 9096", "port = 9092"),
    (
        "At least three brokers.",
        *("cluster.tf", "= length(var.subnet_ids)", "= 2"),
    ),
    (
        "A reading must be on two brokers before it counts as written.",
        *("configuration.tf", '"min.insync.replicas"                      = "2"', '"min.insync.replicas" = "1"'),
    ),
    (
        "A finished replay's position would be forgotten, and the replay would deliver twice.",
        *("configuration.tf", '"offsets.retention.minutes", '),
    ),
    (
        "Every user's secret must be known to the cluster.",
        *("access.tf", "values(var.user_secret_arns)", "slice(values(var.user_secret_arns), 0, 1)"),
    ),
    ("a_secret_that_msk_refuses_is_refused_here", "variables.tf", ':secret:AmazonMSK_")', ':secret:")'),
    ("two_brokers_are_refused", "variables.tf", "length(var.subnet_ids) >= 3", "length(var.subnet_ids) >= 2"),
)
_BUCKET = (
    (
        "Objects must be encrypted with the deployment's key.",
        *("main.tf", '"AES256" : "aws:kms"', '"AES256" : "AES256"'),
    ),
    (
        "The bucket could be made public.",
        *("main.tf", "block_public_policy     = true", "block_public_policy = false"),
    ),
    (
        "Objects could be read without TLS.",
        *("main.tf", '"aws:SecureTransport" = "false"', '"aws:SecureTransport" = "true"'),
    ),
    ("Objects could be read without TLS.", "main.tf", ', "${aws_s3_bucket.this.arn}/*"]', "]"),
    ("Deep storage must keep old versions.", "main.tf", 'status = "Enabled"', 'status = "Suspended"'),
    (
        "A bucket is not emptied unless it is said to be disposable.",
        *("main.tf", "force_destroy = var.disposable", "force_destroy = true"),
    ),
    ("Who read and wrote must be logged.", "main.tf", "var.access_log.bucket", "var.name"),
)
_ALL = {"network": _NETWORK, "kafka": _KAFKA, "bucket": _BUCKET}

BREAKAGES = tuple(Breakage(module, *breakage) for module, breakages in _ALL.items() for breakage in breakages)
