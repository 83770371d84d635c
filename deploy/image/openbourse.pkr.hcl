# The instance image: packer build -var version=0.1.0 -var region=us-east-1 deploy/image/openbourse.pkr.hcl
# `python -m deploy.stage DIR` makes the staged directory; provision.sh does the work and is run without AWS by `make deploy-check`.

packer {
  required_plugins {
    amazon = {
      version = ">= 1.3.0"
      source  = "github.com/hashicorp/amazon"
    }
  }
}

variable "version" {
  type = string
}

variable "region" {
  type = string
}

variable "staged" {
  type    = string
  default = "var/deploy/staged"
}

variable "agent_sha256" {
  type        = string
  description = "SHA-256 of the CloudWatch agent's package, looked up once and reviewed"
}

variable "shell_agent_sha256" {
  type        = string
  description = "SHA-256 of Session Manager's agent, looked up once and reviewed"
}

variable "rds_ca_sha256" {
  type        = string
  description = "SHA-256 of the bundle of RDS certificates, looked up once and reviewed"
}

variable "kms_key" {
  type        = string
  default     = ""
  description = "The key that the image's disk is encrypted with: empty for the account's own, or alias/openbourse-ENVIRONMENT, which Auto Scaling may use"
}

source "amazon-ebs" "openbourse" {
  region        = var.region
  instance_type = "c7g.medium"
  ami_name      = "openbourse-${var.version}-{{timestamp}}"
  ssh_username  = "admin"
  ssh_interface = "session_manager"
  encrypt_boot  = true
  kms_key_id    = var.kms_key
  imds_support  = "v2.0"

  # No port of an instance is open: Packer comes in as operators do later, and Debian's image has no agent for it.
  user_data = <<-END
    #!/bin/sh
    set -eu
    curl --fail --silent --show-error --proto =https --output /tmp/shell-agent.deb https://s3.${var.region}.amazonaws.com/amazon-ssm-${var.region}/latest/debian_arm64/amazon-ssm-agent.deb
    echo "${var.shell_agent_sha256}  /tmp/shell-agent.deb" | sha256sum --check --strict --quiet
    dpkg --install /tmp/shell-agent.deb
    systemctl enable --now amazon-ssm-agent.service
  END

  temporary_iam_instance_profile_policy_document {
    Version = "2012-10-17"
    Statement {
      Effect = "Allow"
      Action = [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
      Resource = ["*"]
    }
  }

  source_ami_filter {
    owners      = ["136693071363"] # Debian
    most_recent = true
    filters = {
      name                = "debian-12-arm64-*"
      virtualization-type = "hvm"
      root-device-type    = "ebs"
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = 16
    volume_type           = "gp3"
    delete_on_termination = true
  }

  tags = {
    project = "openbourse"
    version = var.version
  }
}

build {
  sources = ["source.amazon-ebs.openbourse"]

  provisioner "file" {
    source      = "${var.staged}/"
    destination = "/tmp/staged"
  }

  provisioner "shell" {
    inline = [
      "curl --fail --silent --show-error --proto =https --output /tmp/agent.deb https://amazoncloudwatch-agent-${var.region}.s3.${var.region}.amazonaws.com/debian/arm64/latest/amazon-cloudwatch-agent.deb",
      "curl --fail --silent --show-error --proto =https --output /tmp/rds.pem https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
      "sudo OPENBOURSE_AGENT=/tmp/agent.deb OPENBOURSE_AGENT_SHA256=${var.agent_sha256} OPENBOURSE_RDS_CA=/tmp/rds.pem OPENBOURSE_RDS_CA_SHA256=${var.rds_ca_sha256} sh /tmp/staged/image/provision.sh ${var.version} /tmp/staged",
      "sudo rm -rf /tmp/staged /tmp/agent.deb /tmp/shell-agent.deb /tmp/rds.pem",
    ]
  }

  post-processor "manifest" {
    output = "var/deploy/image.json"
  }
}
