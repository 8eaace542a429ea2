# Machines of one role. What they run is not in their user data, so that a release does not replace them: at each start,
# and whenever asked, they fetch the project's zip and their settings and bring themselves to it.

resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_135:Optimised for EBS unless the kind of machine cannot be; small ones in dev cannot.
  for_each = local.nodes

  ami                    = var.ami_id
  instance_type          = var.instance_type
  subnet_id              = each.value.subnet_id
  vpc_security_group_ids = var.security_group_ids
  iam_instance_profile   = aws_iam_instance_profile.this.name
  monitoring             = true

  user_data = templatefile("${path.module}/user_data.sh.tftpl", {
    artifacts   = var.artifacts.name
    role        = var.role
    node        = each.key
    hostname    = each.value.hostname
    data_volume = var.data_volume_gb > 0
    region      = var.site.region
  })

  metadata_options {
    http_tokens                 = "required"
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.root_volume_gb
    encrypted   = true
    kms_key_id  = var.site.kms_key_arn
  }

  tags = { Name = "${var.site.name}-${each.key}", Role = var.role }

  lifecycle {
    # A newer image is taken when a machine is replaced on purpose.
    ignore_changes = [ami]
  }
}

locals {
  nodes = {
    for index in range(var.machines) : "${var.role}-${index + 1}" => {
      subnet_id = var.subnet_ids[index % length(var.subnet_ids)]
      hostname  = "${var.role}-${index + 1}.${var.zone.name}"
    }
  }
}

resource "aws_route53_record" "this" {
  for_each = local.nodes

  zone_id = var.zone.id
  name    = each.value.hostname
  type    = "A"
  ttl     = 30
  records = [aws_instance.this[each.key].private_ip]
}
