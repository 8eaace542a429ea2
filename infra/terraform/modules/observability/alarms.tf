# Each alarm is a row: what is measured, from when on it is wrong, and what it means.

locals {
  own = "Gridflex/${var.site.name}"

  supervisor_alarms = {
    for supervisor in var.supervisors : "lag-${supervisor}" => {
      description = "Druid is behind Kafka on ${supervisor}: see the runbook, 'Lag'."
      namespace   = local.own
      metric      = "SupervisorLag"
      dimensions  = { Supervisor = supervisor }
      above       = var.thresholds.lag_messages
    }
  }
  freshness_alarms = {
    for table, limit_s in var.freshness_limits_s : "freshness-${table}" => {
      description = "The newest row of ${table} is old: nothing arrives, or nothing is ingested."
      namespace   = local.own
      metric      = "AgeSeconds"
      dimensions  = { Table = table }
      above       = max(limit_s, var.thresholds.age_s)
    }
  }
  disk_alarms = {
    for role in var.roles : "disk-${role}" => {
      description = "A disk of ${role} fills up."
      namespace   = local.own
      metric      = "disk_used_percent"
      dimensions  = { Role = role }
      above       = var.thresholds.disk_percent
    }
  }
  broker_alarms = {
    for broker in range(1, var.kafka.brokers + 1) : "disk-kafka-${broker}" => {
      description = "The disk of Kafka's broker ${broker} fills up: see the runbook, 'Scale out'."
      namespace   = "AWS/Kafka"
      metric      = "KafkaDataLogsDiskUsed"
      dimensions  = { "Cluster Name" = var.kafka.name, "Broker ID" = tostring(broker) }
      above       = var.thresholds.disk_percent
    }
  }
  single_alarms = {
    task-failures = {
      description = "Druid's tasks failed in the last minutes: see the runbook, 'Failed tasks'."
      namespace   = local.own
      metric      = "FailedTasks"
      dimensions  = {}
      above       = 0
    }
    stream-age = {
      description = "The streaming job has not finished a micro-batch for too long."
      namespace   = local.own
      metric      = "StreamBatchAgeSeconds"
      dimensions  = {}
      above       = var.thresholds.age_s
    }
    events-dispatch = {
      description = "Nothing is dispatched: see the runbook, 'The events service does not work'."
      namespace   = local.own
      metric      = "DispatchAgeSeconds"
      dimensions  = {}
      above       = 60
    }
    offline-partitions = {
      description = "Kafka has partitions without a leader: readings are not taken."
      namespace   = "AWS/Kafka"
      metric      = "OfflinePartitionsCount"
      dimensions  = { "Cluster Name" = var.kafka.name }
      above       = 0
    }
    metadata-connections = {
      description = "Druid's metadata store runs out of connections."
      namespace   = "AWS/RDS"
      metric      = "DatabaseConnections"
      dimensions  = { DBInstanceIdentifier = var.metadata_instance }
      above       = 150
    }
  }
  alarms = merge(
    local.supervisor_alarms, local.freshness_alarms, local.disk_alarms, local.broker_alarms, local.single_alarms,
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.site.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  # A measurement that stops coming is no good news.
  treat_missing_data = "breaching"
  alarm_actions      = [aws_sns_topic.alarms.arn]
  ok_actions         = [aws_sns_topic.alarms.arn]
}
