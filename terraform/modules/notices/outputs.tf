output "topic_arn" {
  description = "ARN of the topic that people subscribe to."
  value       = aws_sns_topic.notices.arn
}
