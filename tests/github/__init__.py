"""What is tested of Pointsman on GitHub."""
