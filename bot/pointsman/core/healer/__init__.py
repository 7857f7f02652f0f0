"""What a healer command is asked, how its patch is read, and which patches count; it runs nothing."""
