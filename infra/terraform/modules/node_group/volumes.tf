# State that must outlive its machine.

resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV2_AWS_9:The control module's backup plan takes it by its tag, which checkov does not follow.
  for_each = var.data_volume_gb > 0 ? local.nodes : {}

  availability_zone = aws_instance.this[each.key].availability_zone
  size              = var.data_volume_gb
  type              = "gp3"
  encrypted         = true
  kms_key_id        = var.site.kms_key_arn

  tags = { Name = "${var.site.name}-${each.key}-data", Snapshots = var.site.name }
}

resource "aws_volume_attachment" "data" {
  for_each = aws_ebs_volume.data

  device_name = "/dev/sdf"
  volume_id   = each.value.id
  instance_id = aws_instance.this[each.key].id
}
