output "run_policy" {
  description = "Policy (JSON) for people who run: every verb but up, down and image."
  value       = data.aws_iam_policy_document.run.json
}

output "up_policy" {
  description = "Policy (JSON) for people who make the platform, take it down, and push its image: all but the network."
  value       = data.aws_iam_policy_document.up.json
}

output "up_network_policy" {
  description = "Policy (JSON) for the same people: the network."
  value       = data.aws_iam_policy_document.up_network.json
}
