mock_provider "aws" {}

override_resource {
  target          = aws_sns_topic.alarms
  override_during = plan
  values          = { arn = "arn:aws:sns:eu-west-1:123456789012:gridflex-test-alarms" }
}

variables {
  site = {
    name               = "gridflex-test"
    region             = "eu-west-1"
    account_id         = "123456789012"
    partition          = "aws"
    kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/test"
    log_retention_days = 30
  }
  supervisors        = ["powerraw", "dutycycle"]
  freshness_limits_s = { powerraw = 180, meters = 3600 }
  roles              = ["druid-historical"]
  kafka              = { name = "gridflex-test", brokers = 3 }
  metadata_instance  = "gridflex-test-druid"
  alarm_emails       = ["on-call@example.org"]
  thresholds         = { lag_messages = 1000, age_s = 120, disk_percent = 80 }
}

run "rules" {
  command = plan

  assert {
    condition     = alltrue([for one in ["lag-powerraw", "lag-dutycycle"] : contains(keys(aws_cloudwatch_metric_alarm.this), one)])
    error_message = "Every supervisor's lag must be watched."
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.this), "task-failures") && contains(keys(aws_cloudwatch_metric_alarm.this), "stream-age")
    error_message = "Failed tasks and a streaming job that stands still must be noticed."
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.this), "events-dispatch")
    error_message = "An events service that dispatches nothing must be noticed."
  }

  assert {
    condition     = toset([for name in keys(aws_cloudwatch_metric_alarm.this) : name if startswith(name, "freshness-")]) == toset(["freshness-powerraw", "freshness-meters"])
    error_message = "The age of the newest row of each table with a limit must be watched, and of no other."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["freshness-powerraw"].threshold == 180 && aws_cloudwatch_metric_alarm.this["freshness-meters"].threshold == 3600
    error_message = "A table's own limit counts where it is larger than thresholds.age_s."
  }

  assert {
    condition     = alltrue([for one in ["disk-druid-historical", "disk-kafka-1", "disk-kafka-3"] : contains(keys(aws_cloudwatch_metric_alarm.this), one)])
    error_message = "Every disk must be watched."
  }

  assert {
    condition     = alltrue([for one in aws_cloudwatch_metric_alarm.this : one.treat_missing_data == "breaching"])
    error_message = "A measurement that stops coming would look like good news."
  }

  assert {
    condition     = alltrue([for one in aws_cloudwatch_metric_alarm.this : one.alarm_actions == toset([aws_sns_topic.alarms.arn])])
    error_message = "An alarm that tells nobody is none."
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.site.kms_key_arn
    error_message = "What is told must be encrypted with the deployment's key."
  }
}
