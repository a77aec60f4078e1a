"""What a user passes in, checked and read: options and numbers, images and labels."""
