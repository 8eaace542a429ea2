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
        "Services reach brokers by named groups, never by addresses.",
        *("access.tf", "referenced_security_group_id = each.value.group", 'cidr_ipv4 = "0.0.0.0/0"'),
    ),
    (
        "People's networks reach brokers only where users sign in.",
        *("access.tf", "to_port           = 9096", "to_port = 9098"),
    ),
    ("the_internet_is_refused", "variables.tf", "/(8|9|[12][0-9]|3[0-2])$", "/[0-9]+$|0.0.0.0/0"),
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
_KEY = "kms_key_id  = var.site.kms_key_arn"
_OTHER_KEY = 'kms_key_id  = "arn:aws:kms:eu-west-1:123456789012:key/other"'
_NODE_GROUP = (
    (
        "Whoever makes a machine fetch an address could take its identity.",
        *("instances.tf", 'http_tokens                 = "required"', 'http_tokens = "optional"'),
    ),
    ("Disks must be encrypted with the deployment's key.", "instances.tf", _KEY, _OTHER_KEY),
    (
        "Disks that outlive a machine must be encrypted with the deployment's key.",
        *("volumes.tf", "encrypted         = true", "encrypted = false"),
    ),
    ("The backup plan finds disks by this tag.", "volumes.tf", "Snapshots = var.site.name", 'Snapshots = "none"'),
    (
        "Machines stand in private subnets alone.",
        *(
            "instances.tf",
            "subnet_id              = each.value.subnet_id",
            'subnet_id = "${each.value.subnet_id}-public"',
        ),
    ),
    (
        "Machines are spread over all zones.",
        *("instances.tf", "var.subnet_ids[index % length(var.subnet_ids)]", "var.subnet_ids[0]"),
    ),
    (
        "What a machine may do must be bound to named things.",
        *("identity.tf", 'Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]', 'Resource = ["*"]'),
    ),
    (
        "A machine could make itself an authority that signs for others.",
        *("identity.tf", "/EndEntityCertificate/V1", "/SubordinateCACertificate_PathLen0/V1"),
    ),
    (
        "A machine reads its own secrets and no others.",
        *(
            "identity.tf",
            "Resource = var.secret_arns",
            'Resource = ["arn:aws:secretsmanager:eu-west-1:123456789012:*"]',
        ),
    ),
    (
        "Logs must be encrypted with the deployment's key.",
        *("identity.tf", "kms_key_id        = var.site.kms_key_arn"),
    ),
    (
        "Settings belong into S3: another one must not replace the machine.",
        *("user_data.sh.tftpl", "#!/usr/bin/env bash", "#!/usr/bin/env bash\n# ANSWER=42"),
    ),
    ("secrets_by_pattern_are_refused", "variables.tf", '!strcontains(arn, "*")', "true"),
)
_BY_ADDRESS = 'cidr_ipv4 = "10.20.0.0/16"'
_NAMED = "referenced_security_group_id = module.group.id"
_DRUID = (
    (
        "The metadata store must be encrypted with the deployment's key.",
        *("metadata.tf", "storage_encrypted          = true", "storage_encrypted = false"),
    ),
    ("The metadata store must refuse connections without TLS.", "metadata.tf", 'value = "1"', 'value = "0"'),
    (
        "The metadata store must have no public address.",
        *("metadata.tf", "publicly_accessible        = false", "publicly_accessible = true"),
    ),
    (
        "The metadata store's password would stand in the state.",
        "metadata.tf",
        "password_wo                = var.metadata_password\n  password_wo_version        = var.credentials_generation",
        'password = "a password that is kept"',
    ),
    (
        "A protected metadata store could be lost.",
        *("metadata.tf", "deletion_protection        = var.protect", "deletion_protection = false"),
    ),
    (
        "Druid must not be reachable from the internet.",
        "balancer.tf",
        "= true\n  load_balancer_type",
        "= false\n  load_balancer_type",
    ),
    (
        "Only people's networks may ask Druid by address.",
        *("balancer.tf", "cidr_ipv4         = each.value", 'cidr_ipv4 = "10.0.0.0/8"'),
    ),
    ("Machines are let in by their group, never by address.", "access.tf", _NAMED, _BY_ADDRESS),
    (
        "ZooKeeper must be reached by TLS, at 2281.",
        *("access.tf", "{ from = 2281, to = 2281 }", "{ from = 2181, to = 2281 }"),
    ),
    (
        "Only the overlord and its tasks read Kafka.",
        "nodes.tf",
        "secrets    = local.cluster_secrets",
        "secrets = concat(local.cluster_secrets, [var.secret_arns.kafka])",
    ),
    ("the_internet_is_refused", "variables.tf", "/(8|9|[12][0-9]|3[0-2])$", "/[0-9]+$|0.0.0.0/0"),
    ("an_even_ensemble_is_refused", "variables.tf", "[1, 3, 5]", "[1, 2, 3, 5]"),
)
_SPARK = (
    (
        "Disks must be encrypted with the deployment's key.",
        *("cluster.tf", "EnableAtRestEncryption    = true", "EnableAtRestEncryption = false"),
    ),
    (
        "The cluster must be bound by the security configuration.",
        *("cluster.tf", "security_configuration            = aws_emr_security_configuration.this.name"),
    ),
    (
        "Whoever makes a machine fetch an address could take its identity.",
        *("cluster.tf", "MinimumInstanceMetadataServiceVersion = 2", "MinimumInstanceMetadataServiceVersion = 1"),
    ),
    (
        "A protected cluster must neither be ended by hand nor end by itself.",
        *("cluster.tf", "keep_job_flow_alive_when_no_steps = true", "keep_job_flow_alive_when_no_steps = false"),
    ),
    ("Executors are let in by their group, never by address.", "access.tf", _NAMED, _BY_ADDRESS),
    (
        "What a machine may do must be bound to named things.",
        *("identity.tf", "Resource = [module.storage.arn]", 'Resource = ["*"]'),
    ),
    (
        "The job reads its own secret and no other.",
        *("identity.tf", "Resource = [var.kafka_secret_arn]", 'Resource = [var.kafka_secret_arn, "arn:other"]'),
    ),
)
_OBSERVABILITY = (
    (
        "Every supervisor's lag must be watched.",
        *("alarms.tf", "for supervisor in var.supervisors :", 'for supervisor in ["powerraw"] :'),
    ),
    (
        "Failed tasks and a streaming job that stands still must be noticed.",
        *("alarms.tf", "    task-failures = {", "    tasks = {"),
    ),
    (
        "An events service that dispatches nothing must be noticed.",
        *("alarms.tf", "    events-dispatch = {", "    dispatch = {"),
    ),
    (
        "The age of the newest row of each table with a limit must be watched, and of no other.",
        *("alarms.tf", "in var.freshness_limits_s :", "in merge(var.freshness_limits_s, { other = 60 }) :"),
    ),
    (
        "A table's own limit counts where it is larger than thresholds.age_s.",
        *("alarms.tf", "max(limit_s, var.thresholds.age_s)", "var.thresholds.age_s"),
    ),
    ("Every disk must be watched.", "alarms.tf", "range(1, var.kafka.brokers + 1)", "range(1, var.kafka.brokers)"),
    (
        "A measurement that stops coming would look like good news.",
        *("alarms.tf", 'treat_missing_data = "breaching"', 'treat_missing_data = "notBreaching"'),
    ),
    (
        "An alarm that tells nobody is none.",
        *("alarms.tf", "alarm_actions      = [aws_sns_topic.alarms.arn]", "alarm_actions = []"),
    ),
    (
        "What is told must be encrypted with the deployment's key.",
        *("people.tf", "kms_master_key_id = var.site.kms_key_arn"),
    ),
)
_FOUNDATION = (
    (
        "The key must be renewed every year.",
        *("key.tf", "enable_key_rotation     = true", "enable_key_rotation = false"),
    ),
    (
        "A service that uses the key must be bound to this account's things.",
        *("key.tf", 'Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }'),
    ),
    (
        "Machines' certificates must live for days: nothing revokes them.",
        *("authority.tf", "SHORT_LIVED_CERTIFICATE", "GENERAL_PURPOSE"),
    ),
    (
        "a_release_without_the_project_is_refused",
        "variables.tf",
        'contains(keys(var.release_files), "gridflex.zip")',
        "length(var.release_files) > 0",
    ),
)
_CONTROL = (
    (
        "Only people's networks may open Airflow, Superset and the events service.",
        *("access.tf", "cidr_ipv4         = each.value", 'cidr_ipv4 = "10.0.0.0/8"'),
    ),
    (
        "People come by TLS alone: the servers behind nginx listen on the loopback.",
        *("access.tf", "from_port         = 443", "from_port = 80"),
    ),
    (
        "Copies of volumes must be encrypted and kept.",
        "backup.tf",
        "force_destroy = !var.protect",
        "force_destroy = true",
    ),
    (
        "The ledger has one writer: a second events service would fence the first one again and again.",
        *("events.tf", "machines                  = 1", "machines = 2"),
    ),
    (
        "Superset and Airflow reach the events service by TLS alone, and by their group.",
        *("events.tf", "referenced_security_group_id = module.group.id", 'cidr_ipv4 = "10.0.0.0/8"'),
    ),
    (
        "Every user's token must reach the events service under the name that it reads.",
        *("events.tf", 'upper(replace(user, "-", "_"))', "upper(user)"),
    ),
    (
        "The events service must know where its secret at the VTN is.",
        *("events.tf", 'join("", var.openadr_secret_arns)', 'length(var.openadr_secret_arns) == 0 ? "" : "arn:other"'),
    ),
    (
        "The events service must be allowed to read its secret at the VTN.",
        *("events.tf", "    var.openadr_secret_arns,\n"),
    ),
    (
        "Without a VTN there is no secret of one.",
        *("events.tf", "    var.openadr_secret_arns,\n", '    var.openadr_secret_arns, ["arn:other"],\n'),
    ),
    (
        "two_vtns_are_refused",
        "variables.tf",
        "length(var.openadr_secret_arns) <= 1",
        "length(var.openadr_secret_arns) <= 2",
    ),
    (
        "metrics_without_a_token_are_refused",
        "variables.tf",
        'contains(keys(var.event_token_arns), "check")',
        "length(var.event_token_arns) > 0",
    ),
    ("the_internet_is_refused", "variables.tf", "/(8|9|[12][0-9]|3[0-2])$", "/[0-9]+$|0.0.0.0/0"),
)
_REPLAY = (
    ("an_unknown_data_set_is_refused", "variables.tf", '["redd", "greend"]', '["redd", "greend", "london"]'),
    ("shifts_that_are_none_are_refused", "variables.tf", "^[0-9]+:[0-9]+$", ".*"),
)
_ALL = {
    "network": _NETWORK,
    "kafka": _KAFKA,
    "bucket": _BUCKET,
    "node_group": _NODE_GROUP,
    "druid": _DRUID,
    "spark": _SPARK,
    "observability": _OBSERVABILITY,
    "foundation": _FOUNDATION,
    "control": _CONTROL,
    "replay": _REPLAY,
}

BREAKAGES = tuple(Breakage(module, *breakage) for module, breakages in _ALL.items() for breakage in breakages)
