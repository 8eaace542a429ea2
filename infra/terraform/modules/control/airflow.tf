# Airflow, and what is done once for the whole platform: topics and ACLs, Druid's users and supervisors, metrics.

module "airflow" {
  source = "../node_group"

  site                      = var.site
  role                      = "airflow"
  machines                  = 1
  instance_type             = var.airflow.instance_type
  root_volume_gb            = 30
  data_volume_gb            = var.airflow.volume_gb
  ami_id                    = var.ami_id
  subnet_ids                = var.subnet_ids
  security_group_ids        = [module.group.id, module.airflow_group.id]
  zone                      = var.zone
  artifacts                 = var.artifacts
  certificate_authority_arn = var.certificate_authority_arn
  certificate_names         = [local.names["airflow"]]

  secret_arns = [
    var.secret_arns.kafka_batch, var.secret_arns.druid_admin, var.secret_arns.druid_batch, var.secret_arns.druid_superset,
    var.secret_arns.druid_events,
  ]
  statements = [
    {
      Sid      = "KafkaAdministration"
      Effect   = "Allow"
      Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:AlterCluster"]
      Resource = [var.kafka.arn]
    },
    {
      Sid    = "KafkaTopics"
      Effect = "Allow"
      Action = [
        "kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:AlterTopic",
        "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:AlterTopicDynamicConfiguration",
      ]
      Resource = ["${replace(var.kafka.arn, ":cluster/", ":topic/")}/*"]
    },
    {
      Sid      = "Exchange"
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"]
      Resource = [var.exchange_arn]
    },
  ]

  settings = {
    GRIDFLEX_PUBLIC_NAME           = local.names["airflow"]
    GRIDFLEX_KAFKA_ADMIN_SERVERS   = var.kafka.admin_bootstrap_servers
    GRIDFLEX_KAFKA_SECRET          = var.secret_arns.kafka_batch
    GRIDFLEX_DRUID_ADMIN_SECRET    = var.secret_arns.druid_admin
    GRIDFLEX_DRUID_SECRET          = var.secret_arns.druid_batch
    GRIDFLEX_DRUID_SUPERSET_SECRET = var.secret_arns.druid_superset
    GRIDFLEX_DRUID_EVENTS_SECRET   = var.secret_arns.druid_events
  }
}

# A group of its own, so that Kafka's door for administrators opens for this machine alone.
module "airflow_group" {
  source = "../security_group"

  site_name   = var.site.name
  name        = "airflow"
  description = "Airflow and the administration"
  network     = var.network
}
