"""Amazon ECR: image names and the image repository."""
